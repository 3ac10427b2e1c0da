import { type AccessClaims, verifyAccessToken } from '../../crypto/access-token.ts';
import { type Db, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import { createBatcher } from '../../lib/batcher.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Tracer } from '../../lib/tracer.ts';
import type { Keys } from '../key/keyring.ts';
import { USER_COLUMNS, type UserColumns } from '../user/view.ts';
import { createExpiringMap } from './expiring-map.ts';

/** Who makes an authenticated request. */
export interface Principal {
  readonly userId: string;
  readonly sessionId: string;
  readonly claims: AccessClaims;
  /** The user's row, at most half a second old. */
  readonly user: UserColumns;
}

export interface AuthenticateDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly issuer: string;
  readonly audience: string | undefined;
  /** Revocation reaches every node within 1 s: state is read anew when it is older than this. */
  readonly stateMaxAgeMs: number;
  readonly tracer?: Tracer | undefined;
}

interface StateRow extends UserColumns {
  session_id: string;
}

// Session and user state in one read for all requests that wait for it; a session that ended or
// whose user may not sign in is simply not returned. LATERAL and OFFSET 0 make it a look-up by key for
// each: without knowing how many there are, PostgreSQL may prefer to read every user.
const LOAD_STATES = statement(
  'sessions.load_states',
  `SELECT s.id AS session_id, ${USER_COLUMNS}
   FROM unnest($1::uuid[]) AS wanted (id)
   CROSS JOIN LATERAL (
     SELECT id, user_id FROM sessions
     WHERE id = wanted.id AND ended_at IS NULL AND expires_at > $2 OFFSET 0
   ) AS s
   CROSS JOIN LATERAL (
     SELECT * FROM users WHERE id = s.user_id AND status = 'active' OFFSET 0
   ) AS u`,
);

const CACHED_STATES = 20_000;
const CACHED_TOKENS = 20_000;

export type Authenticator = ReturnType<typeof createAuthenticator>;

/**
 * Checks access tokens. The signature may come from a bounded cache of texts verified before; the
 * session's and user's state never does for longer than half a second, and is read, not fed: a
 * database that cannot be asked means 503, never "still valid".
 */
export function createAuthenticator(deps: AuthenticateDeps) {
  const { db, clock, keys, issuer, audience, stateMaxAgeMs } = deps;
  const verified = createExpiringMap<{ kid: string; claims: AccessClaims }>(CACHED_TOKENS);
  const states = createExpiringMap<StateRow | null>(CACHED_STATES);
  /** Sessions this process changed, until the moment it did. */
  const changes = createExpiringMap<true>(CACHED_STATES);
  const reader = createBatcher<string, StateRow | null>({
    maxBatch: 500,
    writers: 2,
    maxWaiting: 20_000,
    maxWaitMs: 2_000,
    monotonicMs: clock.monotonicMs,
    name: 'sessions.batch',
    tracer: deps.tracer,
    async run(sessionIds) {
      const rows = await db.query<StateRow>(LOAD_STATES, [[...new Set(sessionIds)], clock.now()]);
      const bySession = new Map(rows.map((row) => [row.session_id, row]));
      return sessionIds.map((id) => bySession.get(id) ?? null);
    },
  });

  async function verify(token: string): Promise<AccessClaims> {
    const now = clock.now();
    const ring = await keys.ring();
    const cached = verified.get(token, now.getTime());
    // A retired key drops what it signed at once, cached or not.
    if (cached && ring.findVerifier(cached.kid, now)) return cached.claims;

    let signedBy = '';
    const claims = await verifyAccessToken(token, {
      async findKey(kid) {
        signedBy = kid;
        // Another node may have rotated since the ring was read: only a new look tells.
        return ring.findVerifier(kid, now) ?? (await keys.latest()).findVerifier(kid, now);
      },
      issuer,
      audience,
      now,
    });
    if (!claims) throw new AppError('invalid_token');
    verified.set(token, { kid: signedBy, claims }, claims.expiresAt.getTime());
    return claims;
  }

  async function loadState(sessionId: string): Promise<StateRow | null> {
    const startedAt = clock.monotonicMs();
    const cached = states.get(sessionId, startedAt);
    if (cached !== undefined) return cached;
    const state = await reader.submit(sessionId);
    // A read that was under way while this process changed the session may have seen it as it was.
    if (changes.get(sessionId, startedAt)) return state;
    // Counted from before the read: the answer is at least that old.
    states.set(sessionId, state, startedAt + stateMaxAgeMs);
    return state;
  }

  return {
    /**
     * Who an access token stands for.
     * @throws AppError `invalid_token` when it is malformed, expired, of a retired key, or its
     *   session has ended; `unavailable` when the state cannot be read
     */
    async authenticate(token: string): Promise<Principal> {
      const claims = await verify(token);
      const user = await loadState(claims.sessionId);
      // The token says the role it was made for: after a change of role it says too much, or too little.
      const isCurrent = user?.id === claims.subject && user.role === claims.role;
      if (!isCurrent) throw new AppError('invalid_token');
      return { userId: user.id, sessionId: claims.sessionId, claims, user };
    },
    /** Forgets a session's state: for the process that just changed it, after the commit. */
    forget(sessionId: string): void {
      states.delete(sessionId);
      changes.set(sessionId, true, clock.monotonicMs());
    },
    drain: () => reader.drain(),
  };
}
