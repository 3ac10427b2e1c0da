import { uuidv7 } from '../../crypto/random.ts';
import { type Queryable, statement } from '../../db/database.ts';
import type { Actor } from './actor.ts';

/** One security-relevant action. `detail` carries ids and settings, never secrets or addresses. */
export interface AuditEntry {
  readonly at: Date;
  /** `area.verb`, past tense: `password.changed`, `login.failed`. */
  readonly action: string;
  readonly actor: Actor;
  readonly result?: 'ok' | 'refused';
  readonly userId?: string | undefined;
  readonly detail?: Readonly<Record<string, unknown>> | undefined;
}

const INSERT = statement(
  'audit.insert',
  `INSERT INTO audit (id, at, action, result, actor_kind, actor_id, user_id, ip, user_agent, request_id, detail)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
);

/** Writes an audit record where the change itself is written: in the same transaction. */
export async function recordAudit(on: Queryable, entry: AuditEntry): Promise<void> {
  const { actor } = entry;
  await on.execute(INSERT, [
    uuidv7(entry.at.getTime()),
    entry.at,
    entry.action,
    entry.result ?? 'ok',
    actor.kind,
    actor.id ?? null,
    entry.userId ?? null,
    actor.ip ?? null,
    actor.userAgent ?? null,
    actor.requestId ?? null,
    entry.detail ? JSON.stringify(entry.detail) : null,
  ]);
}
