import { AppError } from '../../errors.ts';
import type { DomainSeed, VerificationPolicy } from './domains.ts';

const POLICIES: readonly VerificationPolicy[] = ['none', 'email_code'];

/**
 * Reads a list of domains: one a line, its verification policy after a blank where it differs from
 * the default; `#` starts a comment.
 * @throws AppError `usage` naming the line that is wrong
 */
export function parseDomainSeeds(text: string): DomainSeed[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const [name, policy, ...rest] = line.replace(/#.*$/, '').trim().split(/\s+/);
    if (!name) return [];
    const verification = POLICIES.find((known) => known === policy);
    if ((policy !== undefined && !verification) || rest.length > 0)
      throw new AppError('usage', {
        text: `Line ${index + 1} is not "domain" or "domain none|email_code".`,
      });
    return [verification ? { name, verification } : { name }];
  });
}
