import {
  digestSessionSecret,
  type RefreshToken,
  readRefreshToken,
  refreshTokenKid,
} from '../../crypto/refresh-token.ts';
import { type Db, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Tracer } from '../../lib/tracer.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Events } from '../event/events.ts';
import type { Keys } from '../key/keyring.ts';
import { rateLimited } from '../limit/rate-limited.ts';
import type { SessionIssuer } from './issue.ts';
import type { SessionLifetime } from './lifetime.ts';
import { createRotate, type RefreshRow } from './rotate.ts';
import type { TokenPair } from './token-pair.ts';

export interface RefreshDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly issuer: SessionIssuer;
  readonly events: Events;
  /** How long the just-used parent still gets its unused successor (a lost response). */
  readonly graceMs: number;
  /** Refreshes of one session in a minute at most; null switches the limit off. */
  readonly perMinute: number | null;
  readonly lifetime: SessionLifetime;
  readonly tracer?: Tracer | undefined;
}

interface FoundRow extends RefreshRow {
  ended_at: Date | null;
  status: string;
  is_secret_right: boolean;
  window_ends_at: Date | null;
  refreshes_in_window: number;
}

const FIND = statement(
  'sessions.find_for_refresh',
  `SELECT s.user_id, u.role, s.amr, s.counter, s.created_at, s.rotated_at, s.expires_at, s.ended_at, u.status,
          s.secret_digest = $2 AS is_secret_right, s.refreshes_in_window,
          s.refresh_window_at + interval '1 minute' AS window_ends_at
   FROM sessions AS s JOIN users AS u ON u.id = s.user_id WHERE s.id = $1`,
);
const END_AS_REUSED = statement(
  'sessions.end_as_reused',
  `UPDATE sessions SET ended_at = $2, end_reason = 'reuse_detected'
   WHERE id = $1 AND ended_at IS NULL`,
);

// A clock that is set back brings no session back that was refused for its time.
const END_AS_EXPIRED = statement(
  'sessions.end_as_expired',
  `UPDATE sessions SET ended_at = expires_at, end_reason = 'expired'
   WHERE id = $1 AND ended_at IS NULL AND expires_at <= $2`,
);

const MINUTE_MS = 60_000;

/** Rotates refresh tokens: N callers with one token get one successor between them. */
export function createRefresh(deps: RefreshDeps) {
  const { db, clock, keys, issuer, events, graceMs, perMinute, lifetime, tracer } = deps;
  const rotate = createRotate({ db, clock, perMinute, lifetime, tracer });

  /** @throws AppError `invalid_refresh_token`; `rate_limited` beyond the session's budget */
  return async function refresh(presentedToken: string, client: ClientInfo): Promise<TokenPair> {
    const now = clock.now();
    const { byKid } = await keys.having('refresh', refreshTokenKid(presentedToken));
    const token = readRefreshToken(byKid, presentedToken);
    if (!token) throw new AppError('invalid_refresh_token');
    const digest = digestSessionSecret(token.secret);

    const { sessionId, counter } = token;
    const claim = { sessionId, counter, secretDigest: digest, at: now, ip: client.ip };
    const rotated = await rotate(claim);
    if (rotated) return sign(token, rotated);

    // No row moved: a retry, the limit, the end of the session, or reuse of an old token.
    const found = (await db.query<FoundRow>(FIND, [sessionId, digest]))[0];
    if (!found || !isLive(found, now)) {
      if (found?.is_secret_right) await db.execute(END_AS_EXPIRED, [sessionId, now]);
      throw new AppError('invalid_refresh_token');
    }
    if (token.counter === found.counter) throw refusedForNow(found, now);
    if (isRetry(token, found, now)) return sign(token, found);
    await endAsReused(token, found, client, now);
    throw new AppError('invalid_refresh_token', { log: { sessionId } });
  };

  function sign(token: RefreshToken, row: RefreshRow): Promise<TokenPair> {
    return issuer.sign({
      id: token.sessionId,
      userId: row.user_id,
      role: row.role,
      amr: row.amr,
      counter: row.counter,
      secret: token.secret,
      expiresAt: row.expires_at,
      at: row.rotated_at ?? row.created_at,
    });
  }

  /** The token is the newest: only the limit, or a window that ended just now, has held it back. */
  function refusedForNow(row: FoundRow, now: Date): AppError {
    const isSpent = perMinute !== null && row.refreshes_in_window >= perMinute;
    if (!isSpent || !row.window_ends_at) return new AppError('unavailable');
    const rule = { name: 'refresh', limit: perMinute, windowMs: MINUTE_MS };
    return rateLimited(rule, row.window_ends_at, now);
  }

  /** The just-used parent again, its successor still unused: the answer was lost. */
  function isRetry(token: RefreshToken, row: FoundRow, now: Date): boolean {
    if (token.counter !== row.counter - 1 || row.rotated_at === null) return false;
    // The clock that moved it on, perhaps another node's, may be a little ahead.
    return Math.abs(now.getTime() - row.rotated_at.getTime()) < graceMs;
  }

  /** Committed before the 401 is thrown: an error must not roll back the revocation it reports. */
  async function endAsReused(
    { sessionId, counter }: RefreshToken,
    row: FoundRow,
    client: ClientInfo,
    now: Date,
  ): Promise<void> {
    const userId = row.user_id;
    await db.transaction(async (tx) => {
      if ((await tx.execute(END_AS_REUSED, [sessionId, now])) === 0) return;
      await recordAudit(tx, {
        at: now,
        action: 'session.reuse_detected',
        actor: clientActor(client),
        result: 'refused',
        userId,
        detail: { session_id: sessionId, presented: counter, current: row.counter },
      });
      await events.record(tx, {
        type: 'session.reuse_detected',
        userId,
        payload: { session_id: sessionId },
      });
    });
  }
}

function isLive(row: FoundRow, now: Date): boolean {
  const isOpen = row.ended_at === null && row.expires_at > now;
  return row.is_secret_right && isOpen && row.status === 'active';
}
