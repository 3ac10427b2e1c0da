import { Args, type Command } from '@oclif/core';
import type { ChangeOptions, UserChange } from '../services/user/admin/change.ts';
import type { AdminUser } from '../services/user/admin/view.ts';
import type { UserAdmin } from '../services/user/admin.ts';
import { CoreCommand } from './core-command.ts';
import { nameOf } from './user-table.ts';

/** The argument that names a user. */
export const userArg = Args.string({
  required: true,
  description: 'Id, e-mail address or unique username.',
});

/** A command that looks after accounts. */
export abstract class UsersCommand<
  T extends typeof Command = typeof Command,
> extends CoreCommand<T> {
  /** Opens the installation, runs the work on its accounts and closes everything again. */
  protected withUsers<R>(work: (users: UserAdmin) => Promise<R>): Promise<R> {
    return this.withCore(async (core, { scope }) => {
      const { openUserAdmin } = await import('../app/open-user-admin.ts');
      return work(openUserAdmin(core, scope));
    });
  }

  /** Changes a user and says how they stand. Saying again what is so already is no error. */
  protected changeUser(
    name: string,
    change: UserChange,
    options: ChangeOptions = {},
  ): Promise<{ user: AdminUser }> {
    return this.withUsers(async (users) => {
      const { id } = await users.resolve(name);
      await users.change(this.actor, id, change, options);
      const user = await users.get(id);
      this.log(`${nameOf(user)}: ${user.status}, role ${user.role}`);
      return { user };
    });
  }
}
