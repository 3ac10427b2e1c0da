import { AppError } from '../../errors.ts';
import type { Guardian } from '../guardian.ts';
import type { HttpContext } from './exchange.ts';

/**
 * Asks the Guardian, and tells the client where it stands in the `RateLimit` fields
 * (draft-ietf-httpapi-ratelimit-headers-10).
 *
 * @throws AppError `rate_limited`
 */
export function limitRate(ctx: HttpContext, guardian: Guardian, hashing: boolean): void {
  const verdict = guardian.admit(ctx.state.client, hashing);
  const { admitted, policy, policyName, remaining, resetSeconds } = verdict;
  ctx.res.setHeader('RateLimit-Policy', policy);
  ctx.res.setHeader('RateLimit', `"${policyName}";r=${remaining};t=${resetSeconds}`);
  if (!admitted) throw new AppError('rate_limited', { retryAfterSeconds: resetSeconds });
}
