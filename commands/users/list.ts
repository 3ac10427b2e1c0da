import { Flags } from '@oclif/core';
import { formatUsers } from '../../src/cli/user-table.ts';
import { UsersCommand } from '../../src/cli/users-command.ts';
import { AppError } from '../../src/errors.ts';
import type { UserPage } from '../../src/services/user/admin/find.ts';

export default class UsersList extends UsersCommand<typeof UsersList> {
  static override summary = 'List users, the newest first.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --status locked',
    '<%= config.bin %> <%= command.id %> --search ada --limit 10',
    '<%= config.bin %> <%= command.id %> --since 2026-11-01 --no-two-factor --json',
  ];
  static override flags = {
    status: Flags.option({
      summary: 'Only users in this state.',
      options: ['pending', 'active', 'locked', 'disabled'] as const,
    })(),
    role: Flags.string({ summary: 'Only users with this role.' }),
    email: Flags.string({ summary: 'The whole address.', helpValue: '<address>' }),
    'email-prefix': Flags.string({ summary: 'How the address begins.', helpValue: '<text>' }),
    username: Flags.string({ summary: 'The whole username.' }),
    search: Flags.string({
      summary: 'A part of the address, username or phone number.',
      helpValue: '<text>',
    }),
    'two-factor': Flags.boolean({ summary: 'Only users with two-factor on.', allowNo: true }),
    since: Flags.string({ summary: 'Created at or after.', helpValue: '<date>' }),
    until: Flags.string({ summary: 'Created before.', helpValue: '<date>' }),
    limit: Flags.integer({ summary: 'At most this many.', default: 50, min: 1, max: 1_000 }),
    cursor: Flags.string({ summary: 'Go on after this page (`next_cursor`).', helpValue: '<id>' }),
  };

  async run(): Promise<UserPage> {
    const { limit, cursor, since, until, ...flags } = this.flags;
    const { status, role, email, username, search } = flags;
    const filter = {
      ...{ status, role, email, username, search },
      emailPrefix: flags['email-prefix'],
      twoFactor: flags['two-factor'],
      createdSince: readDate('since', since),
      createdUntil: readDate('until', until),
    };
    return this.withUsers(async (users) => {
      const page = await users.list(filter, { cursor, limit });
      this.log(page.users.length > 0 ? formatUsers(page.users) : 'No users.');
      if (page.next_cursor) this.log(`\nmore: --cursor ${page.next_cursor}`);
      return page;
    });
  }
}

function readDate(flag: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const date = new Date(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(date.getTime())) return date;
  throw new AppError('usage', {
    text: `--${flag} ${text} is not a date.`,
    hint: 'write it like 2026-11-22 or 2026-11-22T06:00:00Z',
  });
}
