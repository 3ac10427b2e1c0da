import type { Db } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { AuditEntry } from '../audit/record.ts';
import { recordAudit } from '../audit/record.ts';

/** Refusals of one operator, or of all unknown tokens, that a process writes down in a minute. */
const RECORDED_A_MINUTE = 30;
const MINUTE_MS = 60_000;

interface Budget {
  readonly startedMs: number;
  /** All of this minute, written down or not. */
  refused: number;
  /** Those of the minute before that were not written down. */
  readonly unrecorded: number;
}

/**
 * Writes refused operator tokens to the audit, the first of each minute: its records are kept for
 * ever, and neither a stranger who reaches the management listener nor a script whose token has expired
 * may fill a disk with them. The next record says how many are missing (`unrecorded`). Each operator has
 * a budget of its own, so that a flood of unknown tokens hides nobody's refusals.
 */
export function createRecordRefusal({ db, clock }: { db: Db; clock: Clock }) {
  /** As many as there are operators, and one for all tokens that are nobody's. */
  const budgets = new Map<string, Budget>();

  function budgetOf(name: string): Budget {
    const nowMs = clock.monotonicMs();
    const known = budgets.get(name);
    if (known && nowMs - known.startedMs < MINUTE_MS) return known;
    const unrecorded = known ? Math.max(0, known.refused - RECORDED_A_MINUTE) : 0;
    const fresh = { startedMs: nowMs, refused: 0, unrecorded };
    budgets.set(name, fresh);
    return fresh;
  }

  return async function recordRefusal(entry: Omit<AuditEntry, 'action' | 'result'>): Promise<void> {
    const budget = budgetOf(entry.actor.id ?? '');
    budget.refused += 1;
    if (budget.refused > RECORDED_A_MINUTE) return;
    const isFirst = budget.refused === 1 && budget.unrecorded > 0;
    const detail = { ...entry.detail, ...(isFirst && { unrecorded: budget.unrecorded }) };
    await recordAudit(db, { ...entry, action: 'operator.refused', result: 'refused', detail });
  };
}
