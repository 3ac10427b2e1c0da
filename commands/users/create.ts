import { Args, Flags } from '@oclif/core';
import { passwordFlags, readPassword } from '../../src/cli/password-input.ts';
import { nameOf } from '../../src/cli/user-table.ts';
import { UsersCommand } from '../../src/cli/users-command.ts';
import type { AdminUser } from '../../src/services/user/admin/view.ts';

export default class UsersCreate extends UsersCommand<typeof UsersCreate> {
  static override summary = 'Create a user, active at once.';
  static override description =
    'The domain of the address must be verified. Without --email-verified the user proves the mailbox at ' +
    'the first sign-in, where the domain asks for it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ada@example.com',
    '<%= config.bin %> <%= command.id %> ada@example.com --email-verified --role admin --password-file ada.txt',
    '<%= config.bin %> <%= command.id %> --username ada --password-stdin < ada.txt',
  ];
  static override args = {
    email: Args.string({ description: 'The e-mail address, where accounts have one.' }),
  };
  static override flags = {
    ...passwordFlags,
    username: Flags.string({ summary: 'Where usernames are on.' }),
    phone: Flags.string({ summary: 'Where phone numbers are collected.' }),
    role: Flags.string({ summary: 'What the tokens say.', default: 'user' }),
    'email-verified': Flags.boolean({
      summary: 'Vouch for the mailbox instead of a mailed code.',
      default: false,
    }),
  };

  async run(): Promise<{ user: AdminUser; generated_password: string | null }> {
    const { email } = this.args;
    const { username, phone, role, 'email-verified': emailVerified } = this.flags;
    const password = await readPassword(this.flags);
    return this.withUsers(async (users) => {
      const input = { email, username, phone, role, emailVerified, password };
      const { userId, generatedPassword } = await users.create(this.actor, input);
      const user = await users.get(userId);
      this.log(`${nameOf(user)} created, ${user.id}`);
      if (generatedPassword) this.log(`password  ${generatedPassword}  (not shown again)`);
      return { user, generated_password: generatedPassword };
    });
  }
}
