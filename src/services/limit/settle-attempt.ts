import { AppError } from '../../errors.ts';
import type { Attempt } from './limits.ts';

/** The codes that say a guess was wrong; any other failure means that it was never checked. */
const WRONG = new Set<string>(['invalid_credentials', 'invalid_code']);

/**
 * Runs a check that was counted beforehand and settles the count by its outcome: success and faults
 * give it back, a wrong guess keeps it.
 */
export async function settleAttempt<T>(attempt: Attempt, check: () => Promise<T>): Promise<T> {
  try {
    const result = await check();
    await attempt.succeed();
    return result;
  } catch (error) {
    const isWrong = error instanceof AppError && WRONG.has(error.code);
    await (isWrong ? attempt.fail() : attempt.release());
    throw error;
  }
}
