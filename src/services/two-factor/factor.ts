import { digestRecoveryCode, normaliseRecoveryCode } from '../../crypto/recovery-code.ts';
import { open, seal } from '../../crypto/seal.ts';
import { matchTotp } from '../../crypto/totp.ts';
import { type Db, type Queryable, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Keys } from '../key/keyring.ts';
import type { Amr } from '../session/issue.ts';

/** What is presented as the second factor: one of the two. */
export interface PresentedFactor {
  readonly code?: string | undefined;
  readonly recovery_code?: string | undefined;
}

/** A factor that is right, and still to be used up in the transaction of what it allows. */
export interface ProvedFactor {
  readonly amr: Amr;
  /** @throws AppError `invalid_code` when another caller has just used it */
  consume(tx: Queryable): Promise<void>;
}

interface TotpRow {
  sealed: Buffer;
  data_kid: string;
  last_step: number;
}

const FIND_TOTP = statement(
  'totps.find',
  'SELECT sealed, data_kid, last_step::float8 AS last_step FROM totps WHERE user_id = $1',
);
// Each step once, ever, and never an older one: RFC 6238 §5.2 as one conditional statement. On its way
// a seed moves to the active data key.
const USE_STEP = statement(
  'totps.use_step',
  `UPDATE totps SET last_step = $2, sealed = $3, data_kid = $4
   WHERE user_id = $1 AND last_step < $2`,
);
const FIND_RECOVERY_KIDS = statement(
  'recovery_codes.kids',
  'SELECT DISTINCT kid FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL',
);
const IS_UNUSED = statement(
  'recovery_codes.is_unused',
  `SELECT 1 FROM recovery_codes WHERE user_id = $1 AND digest = ANY($2) AND used_at IS NULL`,
);
// How many are left is part of what users see of themselves, so their version, the ETag, rises.
const USE_RECOVERY_CODE = statement(
  'recovery_codes.use',
  `WITH used AS (
     UPDATE recovery_codes SET used_at = $3
     WHERE user_id = $1 AND digest = ANY($2) AND used_at IS NULL
     RETURNING user_id
   )
   UPDATE users AS u SET version = u.version + 1, updated_at = $3
   FROM used WHERE u.id = used.user_id`,
);

export type Factors = ReturnType<typeof createFactors>;

/** Checks second factors. Nothing is used up until the caller's own change is written. */
export function createFactors({ db, clock, keys }: { db: Db; clock: Clock; keys: Keys }) {
  async function proveTotp(userId: string, code: string): Promise<ProvedFactor> {
    const row = (await db.query<TotpRow>(FIND_TOTP, [userId]))[0];
    const { active, byKid } = await keys.having('data', row?.data_kid);
    const key = row && byKid.get(row.data_kid);
    if (!row || !key) throw new AppError('invalid_code');
    // Bound to its user: a seed copied into another row does not open, and no code is right.
    const secret = openTotpSecret(key, userId, row.sealed);
    const step = secret && matchTotp(secret, code, clock.now().getTime(), row.last_step);
    if (secret === null || step === null) throw new AppError('invalid_code');
    const isCurrent = row.data_kid === active.kid;
    const sealed = isCurrent ? row.sealed : sealTotpSecret(active.secret, userId, secret);
    return {
      amr: 'otp',
      async consume(tx) {
        const used = await tx.execute(USE_STEP, [userId, step, sealed, active.kid]);
        if (used !== 1) throw new AppError('invalid_code');
      },
    };
  }

  async function proveRecoveryCode(userId: string, presented: string): Promise<ProvedFactor> {
    const code = normaliseRecoveryCode(presented);
    if (code === null) throw new AppError('invalid_code');
    const rows = await db.query<{ kid: string }>(FIND_RECOVERY_KIDS, [userId]);
    const kids = rows.map(({ kid }) => kid);
    const sets = await Promise.all(kids.map((kid) => keys.having('code', kid)));
    const digests = kids.flatMap((kid, index) => {
      const key = sets[index]?.byKid.get(kid);
      return key ? [digestRecoveryCode(key, userId, code)] : [];
    });
    const found = await db.query(IS_UNUSED, [userId, digests]);
    if (found.length === 0) throw new AppError('invalid_code');
    return {
      amr: 'rcv',
      async consume(tx) {
        const used = await tx.execute(USE_RECOVERY_CODE, [userId, digests, clock.now()]);
        if (used !== 1) throw new AppError('invalid_code');
      },
    };
  }

  return {
    /**
     * Checks a presented factor. The caller has counted the attempt.
     * @throws AppError `invalid_code` for anything but a right one
     */
    async prove(userId: string, presented: PresentedFactor): Promise<ProvedFactor> {
      if (presented.recovery_code !== undefined)
        return proveRecoveryCode(userId, presented.recovery_code);
      return proveTotp(userId, presented.code ?? '');
    },
  };
}

/** Seals an authenticator's seed for its user's row. */
export function sealTotpSecret(key: Buffer, userId: string, secret: Buffer): Buffer {
  return seal(key, secret, totpAad(userId));
}

/** Opens a seed; null when it is not this user's. */
export function openTotpSecret(key: Buffer, userId: string, sealed: Buffer): Buffer | null {
  try {
    return open(key, sealed, totpAad(userId));
  } catch {
    // Fails closed: whoever can write the table still cannot choose somebody's seed.
    return null;
  }
}

function totpAad(userId: string): string {
  return `authctl/totp/v1\0${userId}`;
}
