import { type Db, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import { presentUser, USER_COLUMNS, type UserColumns, type UserView } from './view.ts';

/** Everything held about a user, as JSON: their data, without the secrets that guard it. */
export interface AccountExport {
  readonly user: UserView;
  readonly registration: { ip: string | null; user_agent: string | null };
  readonly sessions: Record<string, unknown>[];
  readonly known_networks: Record<string, unknown>[];
  readonly mails: Record<string, unknown>[];
  readonly audit: Record<string, unknown>[];
}

const USER = statement(
  'export.user',
  `SELECT ${USER_COLUMNS}, u.created_ip, u.created_agent FROM users AS u WHERE u.id = $1`,
);
const SESSIONS = statement(
  'export.sessions',
  `SELECT id, device_name, user_agent, ip, amr, created_at, last_used_at, expires_at, ended_at,
          end_reason FROM sessions WHERE user_id = $1 ORDER BY created_at`,
);
const NETWORKS = statement(
  'export.networks',
  'SELECT network, last_login_at FROM known_networks WHERE user_id = $1 ORDER BY network',
);
const MAILS = statement(
  'export.mails',
  'SELECT kind, recipient, status, created_at, sent_at FROM mails WHERE user_id = $1 ORDER BY id',
);
const AUDIT = statement(
  'export.audit',
  `SELECT at, action, result, actor_kind, ip, user_agent, detail FROM audit
   WHERE user_id = $1 ORDER BY at`,
);

type Exported = UserColumns & { created_ip: string | null; created_agent: string | null };

/** Collects what is held about a user. @throws AppError `not_found` */
export function createExportAccount(db: Db) {
  return async function exportAccount(userId: string): Promise<AccountExport> {
    const list = (what: typeof SESSIONS) => db.query<Record<string, unknown>>(what, [userId]);
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
  };
}
