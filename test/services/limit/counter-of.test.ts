import { expect, test } from 'vitest';
import { randomBytes } from '../../../src/crypto/random.ts';
import { counterOf } from '../../../src/services/limit/counter-of.ts';
import { registrationRule } from '../../../src/services/limit/rules.ts';

const RULE = registrationRule(5);

test('a counter’s name hides what is counted from whoever lacks the key', () => {
  const secret = randomBytes(32);
  const { key } = counterOf(secret, RULE, '203.0.113.0/24', 'ada@example.com');
  expect(key).toMatch(/^registration:[\w-]{22}$/);
  expect(counterOf(secret, RULE, '203.0.113.0/24', 'ada@example.com').key).toBe(key);
  expect(counterOf(secret, RULE, '203.0.113.0/24', 'eve@example.com').key).not.toBe(key);
  expect(counterOf(randomBytes(32), RULE, '203.0.113.0/24', 'ada@example.com').key).not.toBe(key);
});
