import { type Db, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { byOwner, type ChangeAccount } from '../account/change.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Principal } from './authenticate.ts';
import { signOutEverywhere } from './sign-out-everywhere.ts';

/** A signed-in device, as its user sees it. */
export interface SessionView {
  readonly id: string;
  readonly current: boolean;
  readonly device_name: string | null;
  readonly user_agent: string | null;
  readonly ip: string | null;
  readonly created_at: string;
  readonly last_used_at: string;
  readonly expires_at: string;
}

interface SessionRow {
  id: string;
  device_name: string | null;
  user_agent: string | null;
  ip: string | null;
  created_at: Date;
  last_used_at: Date;
  expires_at: Date;
}

const LIST = statement(
  'sessions.list',
  `SELECT id, device_name, user_agent, ip, created_at, last_used_at, expires_at FROM sessions
   WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY created_at DESC, id DESC`,
);

export interface SessionsDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly changeAccount: ChangeAccount;
}

/** A user's own sessions: list, end one, sign out here or everywhere. */
export function createSessions({ db, clock, changeAccount }: SessionsDeps) {
  async function list(userId: string, currentId?: string): Promise<SessionView[]> {
    const rows = await db.query<SessionRow>(LIST, [userId, clock.now()]);
    return rows.map((row) => ({
      id: row.id,
      current: row.id === currentId,
      device_name: row.device_name,
      user_agent: row.user_agent,
      ip: row.ip,
      created_at: row.created_at.toISOString(),
      last_used_at: row.last_used_at.toISOString(),
      expires_at: row.expires_at.toISOString(),
    }));
  }

  function end(
    { userId }: Principal,
    sessionId: string,
    client: ClientInfo,
    reason: 'logout' | 'ended_by_user',
  ): Promise<boolean> {
    return changeAccount(byOwner({ userId }, client), async (change) => {
      if (!(await change.endSession(sessionId, reason))) return false;
      await change.audit('session.ended', { session_id: sessionId, reason });
      return true;
    });
  }

  return {
    list,

    /** Ends one of the caller's sessions. @throws AppError `not_found`, also for somebody else's */
    async endOwn(principal: Principal, sessionId: string, client: ClientInfo): Promise<void> {
      if (!(await end(principal, sessionId, client, 'ended_by_user')))
        throw new AppError('not_found');
    },

    /** Ends the caller's session: its refresh token at once, its access tokens within a second everywhere. */
    async logout(principal: Principal, client: ClientInfo): Promise<void> {
      await end(principal, principal.sessionId, client, 'logout');
    },

    /** Ends all of the caller's sessions, this one included, and sign-ins that await a factor. */
    async logoutAll({ userId }: Principal, client: ClientInfo): Promise<void> {
      const occasion = byOwner({ userId }, client);
      await changeAccount(occasion, (change) => signOutEverywhere(change, 'logout_all'));
    },
  };
}
