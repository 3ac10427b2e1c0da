import { isUuid } from '../../../crypto/random.ts';
import type { Db } from '../../../db/database.ts';
import { AppError } from '../../../errors.ts';
import type { Clock } from '../../../lib/clock.ts';
import { byOperator, type ChangeAccount } from '../../account/change.ts';
import type { Actor } from '../../audit/actor.ts';
import { recordAudit } from '../../audit/record.ts';
import type { Events } from '../../event/events.ts';
import { endSessionsOfEveryone } from '../../session/end.ts';
import { signOutEverywhere } from '../../session/sign-out-everywhere.ts';

export interface AdminSession {
  readonly id: string;
  readonly device_name: string | null;
  readonly user_agent: string | null;
  readonly ip: string | null;
  /** How the user signed in (RFC 8176). */
  readonly amr: string[];
  readonly created_at: string;
  readonly last_used_at: string;
  readonly expires_at: string;
}

export interface UserSessionsDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly events: Events;
  readonly changeAccount: ChangeAccount;
  readonly forgetSession: (sessionId: string) => void;
}

const SELECT = {
  id: true,
  deviceName: true,
  userAgent: true,
  ip: true,
  amr: true,
  createdAt: true,
  lastUsedAt: true,
  expiresAt: true,
} as const;
/** One transaction ends so many at most, so that none runs into the statement timeout. */
const BATCH = 1_000;

/** Sessions as operators see and end them: one, a user's, everyone's. */
export function createUserSessions(deps: UserSessionsDeps) {
  const { db, clock, events, changeAccount, forgetSession } = deps;

  return {
    /** A user's live sessions, the newest first. */
    async list(userId: string): Promise<AdminSession[]> {
      const { session } = await db.prisma();
      const rows = await session.findMany({
        where: { userId, endedAt: null, expiresAt: { gt: clock.now() } },
        orderBy: { id: 'desc' },
        select: SELECT,
      });
      return rows.map((row) => ({
        id: row.id,
        device_name: row.deviceName,
        user_agent: row.userAgent,
        ip: row.ip,
        amr: row.amr,
        created_at: row.createdAt.toISOString(),
        last_used_at: row.lastUsedAt.toISOString(),
        expires_at: row.expiresAt.toISOString(),
      }));
    },

    /** Ends one session of a user. @throws AppError `not_found`, also for another user's */
    async end(actor: Actor, userId: string, sessionId: string): Promise<void> {
      if (!isUuid(sessionId)) throw noSuchSession(userId);
      const reason = 'ended_by_operator';
      await changeAccount(byOperator(actor, userId), async (change) => {
        if (!(await change.endSession(sessionId, reason))) throw noSuchSession(userId);
        await change.audit('session.ended', { session_id: sessionId, reason });
      });
    },

    /** Ends all sessions of a user, and sign-ins that await a factor; returns how many sessions. */
    endAll: (actor: Actor, userId: string): Promise<number> =>
      changeAccount(byOperator(actor, userId), (change) =>
        signOutEverywhere(change, 'ended_by_operator'),
      ),

    /** Ends every session of the installation that is open now; returns how many. */
    async endEveryone(actor: Actor): Promise<number> {
      const at = clock.now();
      // Told before it begins: a run that is cut short has ended sessions, too.
      await recordAudit(db, { at, action: 'session.ended_everyone', actor });
      let count = 0;
      let after: string | null = null;
      do {
        const ids: string[] = await db.transaction((tx) =>
          endSessionsOfEveryone(tx, events, { at, after, limit: BATCH }),
        );
        ids.forEach(forgetSession);
        count += ids.length;
        after = ids.at(-1) ?? null;
      } while (after !== null);
      return count;
    },
  };
}

function noSuchSession(userId: string): AppError {
  return new AppError('not_found', {
    text: 'This user has no such session.',
    hint: `its ids: authctl users sessions ${userId}`,
  });
}
