import { mac } from '../../crypto/mac.ts';
import type { Counter } from './counter-store.ts';
import type { Rule } from './rules.ts';

const DIGEST_BYTES = 16;

/**
 * Names the counter of a rule for one thing: `login:` and 22 characters, whatever a stranger typed.
 *
 * What is counted may be a password typed into the wrong field, and lies in a table or in Valkey
 * for up to a day: hence a MAC, which cannot be guessed at like a plain hash. 128 bits are enough
 * for two things never to share a counter.
 * @param what of several parts, only the last may contain NUL
 */
export function counterOf(secret: Buffer, rule: Rule, ...what: readonly string[]): Counter {
  const digest = mac(secret, 'authctl/limit-key/v1', what.join('\0')).subarray(0, DIGEST_BYTES);
  return { rule, key: `${rule.name}:${digest.toString('base64url')}` };
}
