import type { Attempt, Limits } from './limits.ts';
import type { MailBudget } from './mail-budget.ts';

const nothing = async () => undefined;
const unlimited: Attempt = { succeed: nothing, fail: nothing, release: nothing };

/**
 * `limits: off`, for load tests and never in production: no layer counts and every mail is sent. The
 * tries of a mailed code are not a limit and stay.
 */
export function createNoLimits(): { limits: Limits; mailBudget: MailBudget } {
  return {
    limits: {
      beginLogin: async () => unlimited,
      clearLogin: nothing,
      takeForgot: nothing,
      takeFlow: nothing,
      beginFactor: async () => unlimited,
      takeRegistration: nothing,
    },
    mailBudget: { take: async () => true },
  };
}
