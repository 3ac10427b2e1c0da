import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomBytes } from '../../src/crypto/random.ts';
import { open, seal } from '../../src/crypto/seal.ts';

const key = randomBytes(32);

it('opens what it sealed, whatever the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), fc.string(), (plaintext, aad) => {
      expect(open(key, seal(key, plaintext, aad), aad)).toEqual(Buffer.from(plaintext));
    }),
  );
});

it('never makes the same text twice', () => {
  const sealed = Array.from({ length: 1_000 }, () =>
    seal(key, Buffer.from('x'), 'row').toString('hex'),
  );
  expect(new Set(sealed).size).toBe(1_000);
});

it('refuses every flipped bit, with one and the same error', () => {
  const sealed = seal(key, Buffer.from('secret'), 'totps.sealed:1');
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const broken = Buffer.from(sealed);
    broken[bit >> 3]! ^= 1 << (bit & 7);
    expect(() => open(key, broken, 'totps.sealed:1')).toThrow('sealed value does not open');
  }
});

it('refuses another row, another key, and a text cut short', () => {
  const sealed = seal(key, Buffer.from('secret'), 'totps.sealed:1');
  const attempts = [
    () => open(key, sealed, 'totps.sealed:2'),
    () => open(randomBytes(32), sealed, 'totps.sealed:1'),
    () => open(key, sealed.subarray(0, -1), 'totps.sealed:1'),
    () => open(key, sealed.subarray(0, 20), 'totps.sealed:1'),
    () => open(key, Buffer.alloc(0), 'totps.sealed:1'),
  ];
  for (const attempt of attempts) expect(attempt).toThrow('sealed value does not open');
});
