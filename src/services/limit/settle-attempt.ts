import { AppError } from '../../errors.ts';
import type { Attempt } from './limits.ts';

/** The codes that say a guess was wrong; any other failure means that it was never checked. */
const WRONG = new Set<string>(['invalid_credentials', 'invalid_code']);

/**
 * Runs a check that was counted beforehand and settles the count by its outcome: success and faults
 * give it back, a wrong guess keeps it.
 * @param onWrong puts a wrong guess on record
 */
export async function settleAttempt<T>(
  attempt: Attempt,
  check: () => Promise<T>,
  onWrong: () => Promise<void>,
): Promise<T> {
  let result: T;
  try {
    result = await check();
  } catch (error) {
    if (error instanceof AppError && WRONG.has(error.code)) {
      await attempt.fail();
      await onWrong();
    } else {
      await attempt.release();
    }
    throw error;
  }
  await attempt.succeed();
  return result;
}
