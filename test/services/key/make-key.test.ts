import { expect, test } from 'vitest';
import { randomBytes } from '../../../src/crypto/random.ts';
import { makeKey, openKey, resealKey } from '../../../src/services/key/make-key.ts';

const master = { kid: 'one', secret: randomBytes(32) };
const make = (kind: 'pepper' | 'code') =>
  makeKey(master, kind, 'active', new Date('2026-03-01T12:00:00Z'));

test('a key opens with its master key, and again after it was sealed by the next one', async () => {
  const key = await make('pepper');
  const secret = openKey([master], key);
  expect(secret).toHaveLength(32);
  const next = { kid: 'two', secret: randomBytes(32) };
  const moved = { ...key, sealed: resealKey([master], key, next), master_kid: next.kid };
  expect(openKey([master, next], moved)).toEqual(secret);
  expect(() => openKey([master], moved)).toThrow(expect.objectContaining({ code: 'key_mismatch' }));
});

test('a row cannot be passed off as another: neither its kind nor its name may change', async () => {
  const [key, other] = [await make('pepper'), await make('pepper')];
  for (const forged of [
    { ...key, kind: 'code' as const },
    { ...key, kid: other.kid },
    { ...key, sealed: other.sealed },
  ])
    expect(() => openKey([master], forged)).toThrow('does not open');
});
