import { formatUser } from '../../src/cli/user-table.ts';
import { UsersCommand, userArg } from '../../src/cli/users-command.ts';
import type { AdminUser } from '../../src/services/user/admin/view.ts';

export default class UsersShow extends UsersCommand<typeof UsersShow> {
  static override summary = 'Show one user: how the account stands, never its secrets.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ada@example.com',
    '<%= config.bin %> <%= command.id %> 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071 --json',
  ];
  static override args = { user: userArg };

  async run(): Promise<{ user: AdminUser }> {
    return this.withUsers(async (users) => {
      const user = await users.resolve(this.args.user);
      this.log(formatUser(user));
      return { user };
    });
  }
}
