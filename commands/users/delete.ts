import { yesFlag } from '../../src/cli/base-command.ts';
import { nameOf } from '../../src/cli/user-table.ts';
import { UsersCommand, userArg } from '../../src/cli/users-command.ts';

export default class UsersDelete extends UsersCommand<typeof UsersDelete> {
  static override summary = 'Delete a user and everything held about them but the audit.';
  static override examples = ['<%= config.bin %> <%= command.id %> ada@example.com --yes'];
  static override args = { user: userArg };
  static override flags = { yes: yesFlag };

  async run(): Promise<{ user_id: string }> {
    this.requireYes(`${this.args.user} would be gone for good.`);
    return this.withUsers(async (users) => {
      const user = await users.resolve(this.args.user);
      await users.remove(this.actor, user.id);
      this.log(`${nameOf(user)} deleted`);
      return { user_id: user.id };
    });
  }
}
