import { isEqual } from '../../crypto/equal.ts';
import { digestMailCode, normaliseCode } from '../../crypto/mail-code.ts';
import { digestOpaqueToken } from '../../crypto/opaque-token.ts';
import { type Db, type Queryable, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Keys } from '../key/keyring.ts';
import type { Amr } from '../session/issue.ts';
import { lockUser } from '../user/lock.ts';
import { USER_COLUMNS, type UserColumns } from '../user/view.ts';
import type { StoredCode } from './draft.ts';
import { FLOW_TRIES, FLOW_TTL_MS, type FlowOrigin, type FlowPurpose } from './purposes.ts';

/** A live flow, as its token's holder presents it. */
export interface OpenFlow {
  readonly tokenDigest: Buffer;
  readonly purpose: FlowPurpose;
  readonly origin: FlowOrigin | null;
  /** Null for a decoy. */
  readonly userId: string | null;
  readonly address: string | null;
  readonly code: StoredCode | null;
  /** How many were taken. */
  readonly tries: number;
  /** The secret of an authenticator being set up, and the key that it is sealed with. */
  readonly sealed: { readonly secret: Buffer; readonly kid: string } | null;
  /** What was proved before the flow. */
  readonly amr: readonly Amr[];
  readonly deviceName: string | null;
  /** When its code was drawn, where it awaits one. */
  readonly createdAt: Date;
}

interface FlowColumns {
  token_digest: Buffer;
  purpose: FlowPurpose;
  origin: FlowOrigin | null;
  user_id: string | null;
  address: string | null;
  code_digest: Buffer | null;
  code_kid: string | null;
  code_flow: Buffer | null;
  tries: number;
  sealed: Buffer | null;
  amr: Amr[];
  device_name: string | null;
  created_at: Date;
  is_in_time: boolean;
}

const COLUMNS = `f.token_digest, f.purpose, f.origin, f.user_id, f.address, f.code_digest, f.code_kid,
  f.code_flow, f.tries, f.sealed, f.amr, f.device_name, f.created_at`;

// A try is taken before anything is compared, so parallel guesses cannot exceed the count. A try that
// comes too late takes them all: a clock that is set back brings no flow back that was refused for its time.
const TAKE_TRY = statement(
  'flows.take_try',
  `UPDATE flows AS f
   SET tries = CASE WHEN f.expires_at > $3 THEN f.tries + 1 ELSE ${FLOW_TRIES} END
   WHERE f.token_digest = $1 AND f.purpose = $2 AND f.tries < ${FLOW_TRIES}
   RETURNING ${COLUMNS}, f.expires_at > $3 AS is_in_time`,
);
const RETURN_TRY = statement(
  'flows.return_try',
  'UPDATE flows SET tries = tries - 1 WHERE token_digest = $1 AND tries > 0',
);
// Single use: of any number of callers one deletes the row. A change of the user's password, status
// or factors since the flow began has raised the security version, and nobody does. A code proves the
// mailbox it was sent to: it is of no use to a user with another.
const CONSUME = statement(
  'flows.consume',
  `DELETE FROM flows AS f USING users AS u
   WHERE f.token_digest = $1 AND u.id = f.user_id AND u.security_version = f.security_version
     AND u.status IN ('pending', 'active')
     AND (f.purpose NOT IN ('verify', 'forgot') OR u.email = f.address)
   RETURNING ${USER_COLUMNS}`,
);
const REPLACE = statement(
  'flows.replace',
  `DELETE FROM flows AS f
   WHERE f.token_digest = $1 AND f.purpose = ANY($2) AND f.tries < ${FLOW_TRIES}
   RETURNING ${COLUMNS}, f.security_version, f.expires_at > $3 AS is_in_time`,
);
const DELETE_ALL = statement('flows.delete_all', 'DELETE FROM flows WHERE user_id = $1');
const DELETE_PURPOSE = statement(
  'flows.delete_purpose',
  'DELETE FROM flows WHERE user_id = $1 AND purpose = $2',
);

export type FlowRedeemer = ReturnType<typeof createFlowRedeemer>;

/** Presents flow tokens: count a try, compare, consume. */
export function createFlowRedeemer({ db, clock, keys }: { db: Db; clock: Clock; keys: Keys }) {
  return {
    /**
     * Takes one of a flow's tries.
     * @throws AppError `flow_expired` for an unknown, used, dead or expired token, or one of another
     *   purpose: they are all the same to a stranger
     */
    async takeTry(presentedToken: string, purpose: FlowPurpose): Promise<OpenFlow> {
      const digest = digestOpaqueToken('ft_', presentedToken);
      if (!digest) throw new AppError('flow_expired');
      const rows = await db.query<FlowColumns>(TAKE_TRY, [digest, purpose, clock.now()]);
      if (!rows[0]?.is_in_time) throw new AppError('flow_expired');
      return toOpenFlow(rows[0]);
    },

    /** Gives a try back: what it was for could not be looked at (503 `overloaded`). */
    async returnTry({ tokenDigest }: OpenFlow): Promise<void> {
      await db.execute(RETURN_TRY, [tokenDigest]);
    },

    /**
     * Checks a mailed code, which works for as long as its mail says, under whichever token. A wrong one
     * is put on record, a decoy's too: it costs time.
     * @returns whom it was sent to
     * @throws AppError `invalid_code`; the try stays taken
     */
    async checkCode(flow: OpenFlow, presentedCode: string, client: ClientInfo): Promise<string> {
      const { code } = flow;
      const presented = normaliseCode(presentedCode);
      const { byKid } = await keys.having('code', code?.kid ?? null);
      const key = byKid.get(code?.kid ?? '');
      const age = clock.now().getTime() - flow.createdAt.getTime();
      const isRight =
        age < FLOW_TTL_MS[flow.purpose] &&
        code !== null &&
        presented !== null &&
        key !== undefined &&
        isEqual(digestMailCode(key, code.flow, presented), code.digest);
      if (isRight && flow.userId !== null) return flow.userId;
      await recordAudit(db, {
        at: clock.now(),
        action: 'code.failed',
        actor: clientActor(client),
        result: 'refused',
        userId: flow.userId ?? undefined,
        detail: { purpose: flow.purpose },
      });
      throw new AppError('invalid_code');
    },

    /**
     * Uses a flow up, in the transaction of what it allows, and locks its user until that ends.
     * @returns its user, as they are now
     * @throws AppError `flow_expired` when another caller was faster, or the user has changed
     */
    async consume(tx: Queryable, flow: OpenFlow): Promise<UserColumns> {
      if (flow.userId === null) throw new AppError('flow_expired');
      await lockUser(tx, flow.userId);
      const user = (await tx.query<UserColumns>(CONSUME, [flow.tokenDigest]))[0];
      if (!user) throw new AppError('flow_expired');
      return user;
    },

    /** Ends a live flow so that a new one can take its place. @throws AppError `flow_expired` */
    async replace(
      tx: Queryable,
      presentedToken: string,
      purposes: readonly FlowPurpose[],
    ): Promise<OpenFlow & { securityVersion: number | null }> {
      const digest = digestOpaqueToken('ft_', presentedToken);
      if (!digest) throw new AppError('flow_expired');
      const rows = await tx.query<FlowColumns & { security_version: number | null }>(REPLACE, [
        digest,
        purposes,
        clock.now(),
      ]);
      if (!rows[0]?.is_in_time) throw new AppError('flow_expired');
      return { ...toOpenFlow(rows[0]), securityVersion: rows[0].security_version };
    },
  };
}

/** Ends every flow of a user: their password, status or factors changed. */
export async function endFlows(
  on: Queryable,
  userId: string,
  purpose?: FlowPurpose,
): Promise<void> {
  if (purpose === undefined) await on.execute(DELETE_ALL, [userId]);
  else await on.execute(DELETE_PURPOSE, [userId, purpose]);
}

function toOpenFlow(row: FlowColumns): OpenFlow {
  return {
    tokenDigest: row.token_digest,
    purpose: row.purpose,
    origin: row.origin,
    userId: row.user_id,
    address: row.address,
    code: toStoredCode(row),
    tries: row.tries,
    sealed: toSealed(row),
    amr: row.amr,
    deviceName: row.device_name,
    createdAt: row.created_at,
  };
}

function toStoredCode(row: FlowColumns): StoredCode | null {
  const { code_digest: digest, code_kid: kid, code_flow: flow } = row;
  return digest && kid !== null && flow ? { digest, kid, flow } : null;
}

function toSealed({ sealed, code_kid: kid }: FlowColumns): OpenFlow['sealed'] {
  return sealed && kid !== null ? { secret: sealed, kid } : null;
}
