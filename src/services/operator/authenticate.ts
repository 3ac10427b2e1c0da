import { digestOpaqueToken } from '../../crypto/opaque-token.ts';
import { type Db, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Actor } from '../audit/actor.ts';
import { clientActor } from '../audit/client-actor.ts';
import type { ClientInfo } from '../client-info.ts';
import { createRecordRefusal } from './record-refusal.ts';
import { covers } from './scopes.ts';

/** Who makes a request of the management API. */
export interface OperatorPrincipal {
  readonly name: string;
  readonly scopes: readonly string[];
  /** For the audit of what they do. */
  readonly actor: Actor;
}

interface Row {
  name: string;
  scopes: string[];
  expires_at: Date;
  revoked_at: Date | null;
  is_use_recent: boolean;
}

// By digest: a look-up by equality tells nothing of a token that no comparison of texts could.
const FIND = statement(
  'operators.find',
  `SELECT name, scopes, expires_at, revoked_at,
          COALESCE(last_used_at > $2::timestamptz - interval '1 minute', false) AS is_use_recent
   FROM operators WHERE token_digest = $1`,
);
const TOUCH = statement(
  'operators.touch',
  `UPDATE operators SET last_used_at = $2
   WHERE token_digest = $1
     AND (last_used_at IS NULL OR last_used_at <= $2::timestamptz - interval '1 minute')`,
);

/** Checks operator tokens: nothing is cached, so a revocation holds at once, everywhere. */
export function createAuthenticateOperator({ db, clock }: { db: Db; clock: Clock }) {
  const recordRefusal = createRecordRefusal({ db, clock });

  /**
   * Who an operator token stands for, if it is good for `scope`; undefined asks for none.
   * @throws AppError `invalid_token` when it is unknown, expired or revoked; `forbidden` without the
   *   scope. Both are audited.
   */
  return async function authenticate(
    presentedToken: string,
    scope: string | undefined,
    client: ClientInfo,
  ): Promise<OperatorPrincipal> {
    const digest = digestOpaqueToken('op_', presentedToken);
    if (!digest) throw new AppError('invalid_token');
    const at = clock.now();
    const row = (await db.query<Row>(FIND, [digest, at]))[0];
    if (!row) throw await refuse('unknown', undefined);
    if (row.revoked_at) throw await refuse('revoked', row.name);
    if (row.expires_at <= at) throw await refuse('expired', row.name);
    if (scope !== undefined && !covers(row.scopes, scope)) throw await refuse('scope', row.name);
    if (!row.is_use_recent) await db.execute(TOUCH, [digest, at]);
    const actor = clientActor(client, row.name, 'operator');
    return { name: row.name, scopes: row.scopes, actor };

    async function refuse(reason: string, name: string | undefined): Promise<AppError> {
      await recordRefusal({
        at,
        actor: clientActor(client, name, 'operator'),
        detail: { reason, ...(scope === undefined ? {} : { scope }) },
      });
      if (reason !== 'scope') return new AppError('invalid_token', { log: { reason } });
      return new AppError('forbidden', {
        text: `This operator's token lacks the scope ${scope}.`,
        log: { operator: name },
      });
    }
  };
}
