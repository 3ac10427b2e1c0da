import { Flags } from '@oclif/core';
import { idFlag } from '../../src/cli/id-input.ts';
import { timeFlag } from '../../src/cli/time-flag.ts';
import { formatUsers } from '../../src/cli/user-table.ts';
import { UsersCommand } from '../../src/cli/users-command.ts';
import type { UserPage } from '../../src/services/user/admin/find.ts';
import { USER_STATUSES } from '../../src/services/user/view.ts';

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
      options: USER_STATUSES,
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
    since: timeFlag({ summary: 'Created since then: 24h, 2026-03-01, 2026-03-01T12:00:00Z.' }),
    until: timeFlag({ summary: 'Created before then.' }),
    limit: Flags.integer({ summary: 'At most this many.', default: 50, min: 1, max: 1_000 }),
    cursor: idFlag(
      'Go on after this page (`next_cursor`).',
      'take `next_cursor` of the page before, or leave --cursor out for the first page',
    ),
  };

  async run(): Promise<UserPage> {
    const { limit, cursor, since, until, ...flags } = this.flags;
    const { status, role, email, username, search } = flags;
    const filter = {
      ...{ status, role, email, username, search },
      emailPrefix: flags['email-prefix'],
      twoFactor: flags['two-factor'],
      createdSince: since,
      createdUntil: until,
    };
    return this.withUsers(async (users) => {
      const page = await users.list(filter, { cursor, limit });
      this.log(page.users.length > 0 ? formatUsers(page.users) : 'No users.');
      if (page.next_cursor) this.log(`\nmore: --cursor ${page.next_cursor}`);
      return page;
    });
  }
}
