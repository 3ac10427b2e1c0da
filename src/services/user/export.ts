import { type Db, type Statement, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { createGate } from '../../lib/gate.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import { presentUser, USER_COLUMNS, type UserColumns, type UserView } from './view.ts';

/**
 * Everything held about a user, as JSON: their data, without the secrets that guard it. Of each kind the
 * newest `MOST_RECORDS`, newest first: strangers too can make audit records of an account.
 */
export interface AccountExport {
  readonly user: UserView;
  readonly registration: { ip: string | null; user_agent: string | null };
  readonly sessions: Record<string, unknown>[];
  readonly known_networks: Record<string, unknown>[];
  readonly mails: Record<string, unknown>[];
  readonly audit: Record<string, unknown>[];
}

const MOST_RECORDS = 5_000;
/** Exports made at once by one process: each is many megabytes before it is text. */
const AT_ONCE = 1;
const PATIENCE_MS = 5_000;

const USER = statement(
  'export.user',
  `SELECT ${USER_COLUMNS}, u.created_ip, u.created_agent FROM users AS u WHERE u.id = $1`,
);
const SESSIONS = statement(
  'export.sessions',
  `SELECT id, device_name, user_agent, ip, amr, created_at, last_used_at, expires_at, ended_at,
          end_reason FROM sessions WHERE user_id = $1 ORDER BY created_at DESC LIMIT ${MOST_RECORDS}`,
);
const NETWORKS = statement(
  'export.networks',
  `SELECT network, last_login_at FROM known_networks
   WHERE user_id = $1 ORDER BY last_login_at DESC LIMIT ${MOST_RECORDS}`,
);
const MAILS = statement(
  'export.mails',
  `SELECT channel, kind, recipient, status, created_at, sent_at FROM mails WHERE user_id = $1 ORDER BY id DESC
   LIMIT ${MOST_RECORDS}`,
);
const AUDIT = statement(
  'export.audit',
  `SELECT at, action, result, actor_kind, ip, user_agent, detail FROM audit
   WHERE user_id = $1 ORDER BY at DESC LIMIT ${MOST_RECORDS}`,
);

type Exported = UserColumns & { created_ip: string | null; created_agent: string | null };

/** Collects what is held about a user. @throws AppError `not_found`; `unavailable` in a crowd */
export function createExportAccount({ db, clock }: { db: Db; clock: Clock }) {
  const gate = createGate(AT_ONCE, PATIENCE_MS);

  return function exportAccount(userId: string, client: ClientInfo): Promise<AccountExport> {
    return gate.run(async () => {
      const actor = clientActor(client, userId);
      await recordAudit(db, { at: clock.now(), action: 'user.exported', actor, userId });
      return await collect(userId);
    });
  };

  async function collect(userId: string): Promise<AccountExport> {
    const list = (what: Statement) => db.query<Record<string, unknown>>(what, [userId]);
    const [users, sessions, known_networks, mails, audit] = await Promise.all([
      db.query<Exported>(USER, [userId]),
      list(SESSIONS),
      list(NETWORKS),
      list(MAILS),
      list(AUDIT),
    ]);
    const user = users[0];
    if (!user) throw new AppError('not_found');
    return {
      user: presentUser(user),
      registration: { ip: user.created_ip, user_agent: user.created_agent },
      sessions,
      known_networks,
      mails,
      audit,
    };
  }
}
