import { yesFlag } from '../../src/cli/base-command.ts';
import { passwordFlags, readPassword } from '../../src/cli/password-input.ts';
import { nameOf } from '../../src/cli/user-table.ts';
import { UsersCommand, userArg } from '../../src/cli/users-command.ts';
import { counted } from '../../src/lib/counted.ts';

export default class UsersSetPassword extends UsersCommand<typeof UsersSetPassword> {
  static override summary = 'Set the password of a user; all sessions end, the owner is told.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ada@example.com --yes',
    '<%= config.bin %> <%= command.id %> ada@example.com --password-stdin --yes < ada.txt',
  ];
  static override args = { user: userArg };
  static override flags = { ...passwordFlags, yes: yesFlag };

  async run(): Promise<{
    user_id: string;
    generated_password: string | null;
    sessions_ended: number;
  }> {
    this.requireYes(`${this.args.user} would be signed out everywhere and need the new password.`);
    const password = await readPassword(this.flags);
    return this.withUsers(async (users) => {
      const user = await users.resolve(this.args.user);
      const set = await users.setPassword(this.actor, user.id, password);
      this.log(`${nameOf(user)}: password set, ${counted(set.sessionsEnded, 'session')} ended`);
      if (set.generatedPassword) this.log(`password  ${set.generatedPassword}  (not shown again)`);
      return {
        user_id: user.id,
        generated_password: set.generatedPassword,
        sessions_ended: set.sessionsEnded,
      };
    });
  }
}
