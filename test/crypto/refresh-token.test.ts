import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomBytes, uuidv7 } from '../../src/crypto/random.ts';
import {
  digestSessionSecret,
  mintRefreshToken,
  type RefreshKey,
  readRefreshToken,
} from '../../src/crypto/refresh-token.ts';

const key: RefreshKey = { kid: 'refresh-0a1b2c3d', secret: randomBytes(32) };
const keys = new Map([[key.kid, key.secret]]);
const token = { sessionId: uuidv7(0), counter: 7, secret: randomBytes(16) };
const text = mintRefreshToken(key, token);

describe('mintRefreshToken', () => {
  it('makes a token that reads back, whatever is in it', () => {
    const counters = fc.integer({ min: 0, max: 0x7fff_ffff });
    fc.assert(
      fc.property(counters, fc.uint8Array({ minLength: 16, maxLength: 16 }), (counter, secret) => {
        const made = { sessionId: uuidv7(0), counter, secret: Buffer.from(secret) };
        expect(readRefreshToken(keys, mintRefreshToken(key, made))).toEqual(made);
      }),
    );
  });

  it('makes the same token again, so that a retry gets the same successor', () => {
    expect(mintRefreshToken(key, token)).toBe(text);
    expect(mintRefreshToken(key, { ...token, counter: 8 })).not.toBe(text);
  });

  it('refuses what does not fit its fields', () => {
    expect(() => mintRefreshToken(key, { ...token, counter: -1 })).toThrow(RangeError);
    expect(() => mintRefreshToken(key, { ...token, counter: 0x8000_0000 })).toThrow(RangeError);
    expect(() => mintRefreshToken(key, { ...token, counter: 0.5 })).toThrow(RangeError);
    expect(() => mintRefreshToken(key, { ...token, secret: randomBytes(15) })).toThrow(TypeError);
    expect(() => mintRefreshToken(key, { ...token, sessionId: 'x' })).toThrow(TypeError);
    expect(() => mintRefreshToken({ ...key, kid: 'pepper-0a1b2c3d' }, token)).toThrow(TypeError);
  });
});

describe('readRefreshToken', () => {
  it('fails closed without the key, and with another key of the same id', () => {
    expect(readRefreshToken(new Map(), text)).toBeNull();
    expect(readRefreshToken(new Map([[key.kid, randomBytes(32)]]), text)).toBeNull();
    const retiring = new Map([
      ['refresh-ffffffff', randomBytes(32)],
      [key.kid, key.secret],
    ]);
    expect(readRefreshToken(retiring, text)).toEqual(token);
  });

  it('refuses a token with any bit flipped', () => {
    const bytes = Buffer.from(text, 'latin1');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const copy = Buffer.from(bytes);
      copy[bit >> 3]! ^= 1 << (bit & 7);
      expect(readRefreshToken(keys, copy.toString('latin1'))).toBeNull();
    }
  });

  it('refuses every other spelling and every other text', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const body = Buffer.from(text.slice(3), 'base64url');
    const spare = [...alphabet]
      .map((last) => text.slice(0, -1) + last)
      .filter((other) => other !== text);
    expect(
      spare.filter((other) => Buffer.from(other.slice(3), 'base64url').equals(body)),
    ).toHaveLength(15);
    const classic = text.slice(3).replaceAll('-', '+').replaceAll('_', '/');
    const others = [
      ...spare,
      `${text}=`,
      `${text} `,
      ` ${text}`,
      `${text}\n`,
      text.slice(3),
      `ft_${text.slice(3)}`,
      text.slice(0, -1),
      '',
      'rt_',
      'x'.repeat(1_000_000),
    ];
    if (classic !== text.slice(3)) others.push(`rt_${classic}`);
    for (const other of others) expect(readRefreshToken(keys, other)).toBeNull();
  });
});

it('keeps only a digest of the session secret', () => {
  expect(digestSessionSecret(token.secret)).toHaveLength(32);
  expect(digestSessionSecret(token.secret)).not.toEqual(digestSessionSecret(randomBytes(16)));
});
