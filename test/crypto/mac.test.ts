import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { mac } from '../../src/crypto/mac.ts';
import { randomBytes } from '../../src/crypto/random.ts';

it('is HMAC-SHA-256 over the label, a zero byte and the parts', () => {
  const key = randomBytes(32);
  const expected = createHmac('sha256', key).update('authctl/test/v1\0abc').digest();
  expect(mac(key, 'authctl/test/v1', Buffer.from('ab'), 'c')).toEqual(expected);
});

it('gives another answer for another label, key or part', () => {
  const key = randomBytes(32);
  const answers = [
    mac(key, 'authctl/test/v1', 'a'),
    mac(key, 'authctl/test/v2', 'a'),
    mac(randomBytes(32), 'authctl/test/v1', 'a'),
    mac(key, 'authctl/test/v1', 'b'),
    mac(key, 'authctl/test/v1'),
  ];
  expect(new Set(answers.map((answer) => answer.toString('hex'))).size).toBe(answers.length);
});

it('refuses keys that are not 32 bytes', () => {
  expect(() => mac(randomBytes(16), 'authctl/test/v1', 'a')).toThrow(TypeError);
  expect(() => mac(Buffer.alloc(0), 'authctl/test/v1', 'a')).toThrow(TypeError);
});
