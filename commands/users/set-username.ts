import { Args, Flags } from '@oclif/core';
import { nameOf } from '../../src/cli/user-table.ts';
import { UsersCommand, userArg } from '../../src/cli/users-command.ts';
import { AppError } from '../../src/errors.ts';
import type { AdminUser } from '../../src/services/user/admin/view.ts';

export default class UsersSetUsername extends UsersCommand<typeof UsersSetUsername> {
  static override summary = 'Change the username of a user, or take it away; sessions go on.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ada@example.com countess',
    '<%= config.bin %> <%= command.id %> ada@example.com --remove',
  ];
  static override args = {
    user: userArg,
    username: Args.string({ description: 'The new one.' }),
  };
  static override flags = {
    remove: Flags.boolean({ summary: 'Leave the user without one.' }),
  };

  run(): Promise<{ user: AdminUser }> {
    const { username } = this.args;
    if ((username === undefined) !== (this.flags.remove === true))
      throw new AppError('usage', {
        text: 'Say either the new username or --remove.',
        hint: `authctl users set-username ${this.args.user} <username>`,
      });
    return this.withUsers(async (users) => {
      const { id } = await users.resolve(this.args.user);
      await users.change(this.actor, id, { username: username ?? null });
      const user = await users.get(id);
      this.log(`${nameOf(user)}: ${user.username ? `username ${user.username}` : 'no username'}`);
      return { user };
    });
  }
}
