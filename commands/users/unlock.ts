import { UsersCommand, userArg } from '../../src/cli/users-command.ts';
import type { AdminUser } from '../../src/services/user/admin/view.ts';

export default class UsersUnlock extends UsersCommand<typeof UsersUnlock> {
  static override summary = 'Unlock a locked account: it is again what it was before.';
  static override examples = ['<%= config.bin %> <%= command.id %> ada@example.com'];
  static override args = { user: userArg };

  run(): Promise<{ user: AdminUser }> {
    return this.changeUser(
      this.args.user,
      { status: 'active' },
      { from: ['locked', 'active', 'pending'] },
    );
  }
}
