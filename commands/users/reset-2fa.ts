import { yesFlag } from '../../src/cli/base-command.ts';
import { nameOf } from '../../src/cli/user-table.ts';
import { UsersCommand, userArg } from '../../src/cli/users-command.ts';
import { counted } from '../../src/lib/counted.ts';

export default class UsersResetTwoFactor extends UsersCommand<typeof UsersResetTwoFactor> {
  static override summary = 'Take the second factor of a user who lost it; all sessions end.';
  static override description =
    'The password alone signs in afterwards: make sure who asks. The owner is told by mail.';
  static override examples = ['<%= config.bin %> <%= command.id %> ada@example.com --yes'];
  static override args = { user: userArg };
  static override flags = { yes: yesFlag };

  async run(): Promise<{ user_id: string; sessions_ended: number }> {
    this.requireYes(`${this.args.user} would sign in with the password alone.`);
    return this.withUsers(async (users) => {
      const user = await users.resolve(this.args.user);
      const ended = await users.resetTwoFactor(this.actor, user.id);
      this.log(`${nameOf(user)}: two-factor is off, ${counted(ended, 'session')} ended`);
      return { user_id: user.id, sessions_ended: ended };
    });
  }
}
