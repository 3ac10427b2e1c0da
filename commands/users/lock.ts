import { UsersCommand, userArg } from '../../src/cli/users-command.ts';
import type { AdminUser } from '../../src/services/user/admin/view.ts';

export default class UsersLock extends UsersCommand<typeof UsersLock> {
  static override summary = 'Lock an account for now: no sign-in, all sessions end.';
  static override examples = ['<%= config.bin %> <%= command.id %> ada@example.com'];
  static override args = { user: userArg };

  run(): Promise<{ user: AdminUser }> {
    return this.changeUser(
      this.args.user,
      { status: 'locked' },
      { from: ['pending', 'active', 'locked'] },
    );
  }
}
