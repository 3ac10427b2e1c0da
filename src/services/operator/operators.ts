import { createOpaqueToken } from '../../crypto/opaque-token.ts';
import { uuidv7 } from '../../crypto/random.ts';
import { type Db, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Actor } from '../audit/actor.ts';
import { recordAudit } from '../audit/record.ts';
import { createAuthenticateOperator } from './authenticate.ts';
import { isScope, SCOPES } from './scopes.ts';

/** An operator of the management API, as others see them: never the token. */
export interface OperatorView {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly status: 'active' | 'expired' | 'revoked';
  readonly created_at: string;
  readonly expires_at: string;
  /** To the minute. */
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

export interface NewOperator {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly ttlMs: number;
}

export type Operators = ReturnType<typeof createOperators>;

const INSERT = statement(
  'operators.insert',
  `INSERT INTO operators (id, name, token_digest, scopes, created_at, expires_at)
   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING`,
);
const REVOKE = statement(
  'operators.revoke',
  'UPDATE operators SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL',
);

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const MAX_TTL_MS = 366 * 86_400_000;
/** Never the token's digest. */
const SELECT = {
  id: true,
  name: true,
  scopes: true,
  createdAt: true,
  expiresAt: true,
  lastUsedAt: true,
  revokedAt: true,
} as const;

/**
 * Operators and their tokens. None exists until somebody at the terminal makes one; the token is
 * shown once, only its digest is kept. Names are never given out twice, so that the audit stays
 * unambiguous.
 */
export function createOperators({ db, clock }: { db: Db; clock: Clock }) {
  async function get(name: string): Promise<OperatorView> {
    const { operator } = await db.prisma();
    const row = await operator.findUnique({ where: { name }, select: SELECT });
    if (row) return present(row, clock.now());
    throw new AppError('not_found', {
      text: `There is no operator ${name}.`,
      hint: 'authctl operators list',
    });
  }

  return {
    authenticate: createAuthenticateOperator({ db, clock }),

    /**
     * @returns the token beside the operator: the only time it is seen
     * @throws AppError `usage` for a bad name, scope or lifetime; `conflict` when the name was used
     */
    async create(
      actor: Actor,
      { name, scopes, ttlMs }: NewOperator,
    ): Promise<{ operator: OperatorView; token: string }> {
      checkNewOperator({ name, scopes, ttlMs });
      const at = clock.now();
      const { token, digest } = createOpaqueToken('op_');
      const granted = [...new Set(scopes)].sort();
      const expiresAt = new Date(at.getTime() + ttlMs);
      const values = [uuidv7(at.getTime()), name, digest, granted, at, expiresAt];
      await db.transaction(async (tx) => {
        if ((await tx.execute(INSERT, values)) === 0)
          throw new AppError('conflict', {
            text: `The name ${name} is taken, perhaps by an operator that was revoked.`,
            hint: 'choose another name: authctl operators list',
          });
        const detail = { operator: name, scopes: granted, expires_at: expiresAt.toISOString() };
        await recordAudit(tx, { at, action: 'operator.created', actor, detail });
      });
      return { operator: await get(name), token };
    },

    /** All operators, expired and revoked ones included, by name. */
    async list(): Promise<OperatorView[]> {
      const { operator } = await db.prisma();
      const rows = await operator.findMany({ orderBy: { name: 'asc' }, select: SELECT });
      const now = clock.now();
      return rows.map((row) => present(row, now));
    },

    /** Ends a token at once, on every node. @throws AppError `not_found`; `conflict` when it was revoked */
    async revoke(actor: Actor, name: string): Promise<OperatorView> {
      const at = clock.now();
      await get(name);
      await db.transaction(async (tx) => {
        if ((await tx.execute(REVOKE, [name, at])) === 0)
          throw new AppError('conflict', {
            text: `The operator ${name} was revoked before.`,
            hint: 'authctl operators list',
          });
        await recordAudit(tx, {
          at,
          action: 'operator.revoked',
          actor,
          detail: { operator: name },
        });
      });
      return get(name);
    },
  };
}

function checkNewOperator({ name, scopes, ttlMs }: NewOperator): void {
  if (!NAME.test(name))
    throw new AppError('usage', {
      text: `${JSON.stringify(name)} is not a name for an operator.`,
      hint: 'use 1 to 63 lower-case letters, digits, dots, hyphens and underscores',
    });
  const unknown = scopes.filter((scope) => !isScope(scope));
  if (unknown.length > 0 || scopes.length === 0)
    throw new AppError('usage', {
      text: unknown.length > 0 ? `Unknown scope: ${unknown.join(', ')}.` : 'No scope is given.',
      hint: `choose from ${SCOPES.join(', ')}`,
    });
  if (ttlMs <= 0 || ttlMs > MAX_TTL_MS)
    throw new AppError('usage', {
      text: 'A token lives for some time, and a year at most.',
      hint: 'write a lifetime like 12h or 90d',
    });
}

interface Row {
  id: string;
  name: string;
  scopes: string[];
  createdAt: Date;
  expiresAt: Date;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
}

function present(row: Row, now: Date): OperatorView {
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes,
    status: row.revokedAt ? 'revoked' : row.expiresAt <= now ? 'expired' : 'active',
    created_at: row.createdAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
    last_used_at: row.lastUsedAt?.toISOString() ?? null,
    revoked_at: row.revokedAt?.toISOString() ?? null,
  };
}
