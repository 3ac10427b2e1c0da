import { Args, Flags } from '@oclif/core';
import { yesFlag } from '../../src/cli/base-command.ts';
import { formatTable } from '../../src/cli/format.ts';
import { nameOf } from '../../src/cli/user-table.ts';
import { UsersCommand } from '../../src/cli/users-command.ts';
import { AppError } from '../../src/errors.ts';
import { counted } from '../../src/lib/counted.ts';
import type { AdminSession } from '../../src/services/user/admin/sessions.ts';
import type { UserAdmin } from '../../src/services/user/admin.ts';

type Result = { sessions: AdminSession[] } | { sessions_ended: number };

export default class UsersSessions extends UsersCommand<typeof UsersSessions> {
  static override summary = 'List where a user is signed in, or end sessions.';
  static override description = 'Ended sessions are refused on every node within a second.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ada@example.com',
    '<%= config.bin %> <%= command.id %> ada@example.com --end 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071',
    '<%= config.bin %> <%= command.id %> ada@example.com --end-all --yes',
    '<%= config.bin %> <%= command.id %> --everyone --end-all --yes',
  ];
  static override args = {
    user: Args.string({ description: 'Id, e-mail address or unique username.' }),
  };
  static override flags = {
    end: Flags.string({ summary: 'End this session.', helpValue: '<id>', exclusive: ['end-all'] }),
    'end-all': Flags.boolean({ summary: 'End all of them.', default: false }),
    everyone: Flags.boolean({ summary: 'Of every user (with --end-all).', default: false }),
    yes: yesFlag,
  };

  async run(): Promise<Result> {
    const { everyone, end, 'end-all': endAll } = this.flags;
    const { user } = this.args;
    if (everyone === (user !== undefined) || (everyone && !endAll))
      throw new AppError('usage', {
        text: 'Name a user, or end the sessions of --everyone.',
        hint: 'authctl users sessions --help',
      });
    if (endAll) this.requireYes(`${user ?? 'Every user'} would be signed out everywhere.`);
    return this.withUsers(async (users) => {
      if (user === undefined) return this.#endEveryone(users);
      const found = await users.resolve(user);
      if (end !== undefined) return this.#end(users, found.id, end);
      if (!endAll) return this.#list(users, found.id);
      const ended = await users.sessions.endAll(this.actor, found.id);
      this.log(`${nameOf(found)}: ${counted(ended, 'session')} ended`);
      return { sessions_ended: ended };
    });
  }

  async #list(users: UserAdmin, userId: string): Promise<Result> {
    const sessions = await users.sessions.list(userId);
    const rows = sessions.map((session) => [
      session.id,
      session.device_name ?? session.user_agent,
      session.ip,
      session.amr.join(' '),
      session.created_at,
      session.last_used_at,
    ]);
    const head = ['ID', 'DEVICE', 'ADDRESS', 'BY', 'SINCE', 'LAST USED'];
    this.log(rows.length > 0 ? formatTable(head, rows) : 'No sessions.');
    return { sessions };
  }

  async #end(users: UserAdmin, userId: string, sessionId: string): Promise<Result> {
    await users.sessions.end(this.actor, userId, sessionId);
    this.log(`${sessionId} ended`);
    return { sessions_ended: 1 };
  }

  async #endEveryone(users: UserAdmin): Promise<Result> {
    const ended = await users.sessions.endEveryone(this.actor);
    this.log(`${counted(ended, 'session')} ended`);
    return { sessions_ended: ended };
  }
}
