import { AppError } from '../../errors.ts';
import { withDeadline } from '../../lib/deadline.ts';

/** What one check found. */
export interface Finding {
  readonly state: 'ok' | 'warn' | 'fail';
  /** What is so, for people. */
  readonly detail: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
}

export interface CheckResult extends Finding {
  readonly check: string;
}

const DEADLINE_MS = 15_000;

export const ok = (detail: string): Finding => ({ state: 'ok', detail });
export const warn = (detail: string, hint?: string): Finding => ({ state: 'warn', detail, hint });
export const fail = (detail: string, hint?: string): Finding => ({ state: 'fail', detail, hint });

/** Runs one check. Whatever it throws, and a hang, is its finding: the others go on. */
export async function runCheck(
  check: string,
  examine: () => Finding | Promise<Finding>,
): Promise<CheckResult> {
  try {
    const examining = Promise.resolve().then(examine);
    const finding = await withDeadline(examining, DEADLINE_MS, () => 'took too long');
    return { check, ...finding };
  } catch (error) {
    const hint = error instanceof AppError ? error.hint : undefined;
    return { check, ...fail(error instanceof Error ? error.message : String(error), hint) };
  }
}
