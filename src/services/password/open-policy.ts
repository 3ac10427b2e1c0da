import type { Config } from '../../../config/index.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { createBreachCheck } from './breach-check.ts';
import { createCommonPasswords } from './common-passwords.ts';
import { createPasswordPolicy, type PasswordPolicy } from './policy.ts';

export interface OpenPolicyDeps {
  readonly config: Config;
  readonly issuer: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The password policy as configured: the same for the API and for commands that set passwords. */
export function openPasswordPolicy({ config, issuer, clock, log }: OpenPolicyDeps): PasswordPolicy {
  const { minLength, require, breachedUrl, breachedTimeoutMs, breachedFailure } = config.password;
  return createPasswordPolicy({
    minLength,
    required: require,
    serviceNames: [config.product, hostOf(issuer), hostOf(config.publicUrl)],
    common: createCommonPasswords(),
    breaches:
      breachedUrl === undefined
        ? null
        : createBreachCheck({
            url: breachedUrl,
            timeoutMs: breachedTimeoutMs,
            onFailure: breachedFailure,
            clock,
            log,
          }),
  });
}

/** Only a URL names a host; the default issuer is a URN of random digits. */
function hostOf(url: string | undefined): string {
  return URL.parse(url ?? '')?.hostname ?? '';
}
