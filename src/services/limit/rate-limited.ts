import { AppError } from '../../errors.ts';
import type { Rule } from './rules.ts';

/** The refusal of a full counter, with the numbers a client needs to come back at the right time. */
export function rateLimited(
  rule: Pick<Rule, 'name' | 'limit' | 'windowMs'>,
  until: Date,
  now: Date,
): AppError {
  const seconds = Math.ceil((until.getTime() - now.getTime()) / 1_000);
  return new AppError('rate_limited', {
    retryAfterSeconds: Math.max(1, seconds),
    budget: { name: rule.name, limit: rule.limit, windowSeconds: rule.windowMs / 1_000 },
  });
}
