import { Args } from '@oclif/core';
import { UsersCommand, userArg } from '../../src/cli/users-command.ts';
import type { AdminUser } from '../../src/services/user/admin/view.ts';

export default class UsersSetRole extends UsersCommand<typeof UsersSetRole> {
  static override summary = 'Change the role of a user; all sessions end.';
  static override description = 'Tokens say the new role from the next sign-in on.';
  static override examples = ['<%= config.bin %> <%= command.id %> ada@example.com admin'];
  static override args = {
    user: userArg,
    role: Args.string({ required: true, description: 'Like user or admin.' }),
  };

  run(): Promise<{ user: AdminUser }> {
    return this.changeUser(this.args.user, { role: this.args.role });
  }
}
