import { hash } from 'node:crypto';
import { signAccessToken } from '../../crypto/access-token.ts';
import { formatUuid, randomBytes, uuidv7 } from '../../crypto/random.ts';
import { digestSessionSecret, mintRefreshToken } from '../../crypto/refresh-token.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Keys } from '../key/keyring.ts';
import type { SessionLifetime } from './lifetime.ts';
import type { TokenPair } from './token-pair.ts';

export interface SessionPolicy {
  readonly issuer: string;
  readonly audience: string | undefined;
  readonly accessTtlMs: number;
  readonly lifetime: SessionLifetime;
}

export interface IssueDeps {
  readonly clock: Clock;
  readonly keys: Keys;
  readonly policy: SessionPolicy;
}

/** Everything of a session that exists before its row does: written first, signed after the commit. */
export interface SessionDraft {
  readonly id: string;
  readonly userId: string;
  readonly secret: Buffer;
  readonly secretDigest: Buffer;
  readonly amr: readonly Amr[];
  readonly deviceName: string | null;
  readonly client: ClientInfo;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** How the user proved who they are: as in RFC 8176, and `rcv`, which is ours, for a recovery code. */
export type Amr = 'pwd' | 'otp' | 'mfa' | 'rcv';

export type SessionIssuer = ReturnType<typeof createSessionIssuer>;

/** Draws sessions and signs their tokens. */
export function createSessionIssuer({ clock, keys, policy }: IssueDeps) {
  return {
    /** Draws a new session's identity; nothing of the caller's is ever adopted (fixation). */
    draft(
      userId: string,
      options: { amr: readonly Amr[]; deviceName: string | null; client: ClientInfo },
    ): SessionDraft {
      const now = clock.now();
      const { totalMs, idleMs } = policy.lifetime;
      const secret = randomBytes(16);
      return {
        id: uuidv7(now.getTime()),
        userId,
        secret,
        secretDigest: digestSessionSecret(secret),
        amr: options.amr,
        deviceName: options.deviceName,
        client: options.client,
        createdAt: now,
        expiresAt: new Date(now.getTime() + Math.min(totalMs, idleMs)),
      };
    },

    /**
     * Signs the tokens at one position of a session's chain. The result depends on its arguments
     * and the keys only, so a retry of the same rotation gets the same pair.
     * @param at when this position was reached: the access token's `iat`
     */
    async sign(session: {
      id: string;
      userId: string;
      role: string;
      amr: readonly string[];
      counter: number;
      secret: Buffer;
      expiresAt: Date;
      at: Date;
    }): Promise<TokenPair> {
      const ring = await keys.ring();
      const issuedAt = Math.floor(session.at.getTime() / 1_000) * 1_000;
      const expiresAt = Math.min(issuedAt + policy.accessTtlMs, session.expiresAt.getTime());
      const accessToken = signAccessToken(ring.signing, {
        issuer: policy.issuer,
        audience: policy.audience,
        subject: session.userId,
        sessionId: session.id,
        tokenId: tokenId(session),
        role: session.role,
        amr: session.amr,
        issuedAt: new Date(issuedAt),
        expiresAt: new Date(expiresAt),
      });
      return {
        token_type: 'Bearer',
        access_token: accessToken,
        access_token_expires_at: new Date(expiresAt).toISOString(),
        refresh_token: mintRefreshToken(ring.refresh.active, {
          sessionId: session.id,
          counter: session.counter,
          secret: session.secret,
        }),
        refresh_token_expires_at: session.expiresAt.toISOString(),
        session_id: session.id,
      };
    },
  };
}

/** A token's `jti`: a UUID (version 8, RFC 9562 §5.8), one per rotation and the same for its retry. */
function tokenId({ id, counter, secret }: { id: string; counter: number; secret: Buffer }): string {
  const text = `authctl/jti/v1\0${id}\0${counter}\0${secret.toString('hex')}`;
  const bytes = hash('sha256', text, 'buffer').subarray(0, 16);
  bytes[6] = 0x80 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return formatUuid(bytes);
}
