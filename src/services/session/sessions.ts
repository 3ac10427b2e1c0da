import { type Db, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Events } from '../event/events.ts';
import { endFlows } from '../flow/redeem.ts';
import { lockUser } from '../user/lock.ts';
import type { Authenticator, Principal } from './authenticate.ts';
import { endSession, endSessions } from './end.ts';

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
  readonly events: Events;
  readonly authenticator: Authenticator;
}

export type Sessions = ReturnType<typeof createSessions>;

/** A user's own sessions: list, end one, sign out here or everywhere. */
export function createSessions({ db, clock, events, authenticator }: SessionsDeps) {
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

  async function end(
    { userId }: Principal,
    sessionId: string,
    client: ClientInfo,
    reason: 'logout' | 'ended_by_user',
  ): Promise<boolean> {
    const at = clock.now();
    const isEnded = await db.transaction(async (tx) => {
      if (!(await endSession(tx, events, { userId, sessionId, at, reason }))) return false;
      const actor = clientActor(client, userId);
      await recordAudit(tx, {
        at,
        action: 'session.ended',
        actor,
        userId,
        detail: { session_id: sessionId, reason },
      });
      return true;
    });
    authenticator.forget(sessionId);
    return isEnded;
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
      const at = clock.now();
      const ended = await db.transaction(async (tx) => {
        // A sign-in that is being written now is waited for, and ends with the others.
        await lockUser(tx, userId);
        await endFlows(tx, userId, 'two_factor');
        const ids = await endSessions(tx, events, { userId, at, reason: 'logout_all' });
        const actor = clientActor(client, userId);
        await recordAudit(tx, {
          at,
          action: 'session.ended_all',
          actor,
          userId,
          detail: { count: ids.length },
        });
        return ids;
      });
      ended.forEach(authenticator.forget);
    },
  };
}
