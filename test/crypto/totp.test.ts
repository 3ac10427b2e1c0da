import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { formatTotpSecret, generateTotpSecret, matchTotp, totpUri } from '../../src/crypto/totp.ts';
import { readVectors } from '../support/json-vectors.ts';

interface TotpVectors {
  'secret-ascii': string;
  codes: { time: number; code: string }[];
}

const vectors = readVectors<TotpVectors>('rfc6238.json');
const secret = Buffer.from(vectors['secret-ascii']);
const STEP_MS = 30_000;

/** RFC 4226 section 5.3, written down a second time. */
function codeOf(key: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', key).update(counter).digest();
  const offset = digest[19]! & 15;
  return String((digest.readUInt32BE(offset) & 0x7fff_ffff) % 1_000_000).padStart(6, '0');
}

describe('matchTotp', () => {
  it.each(vectors.codes)('accepts the code of RFC 6238 at $time', ({ time, code }) => {
    const step = Math.floor(time / 30);
    expect(matchTotp(secret, code.slice(-6), time * 1_000, 0)).toBe(step);
  });

  it('accepts the current step and one on either side, no more', () => {
    const key = generateTotpSecret();
    const step = 50_000_000;
    for (const atMs of [step * STEP_MS, step * STEP_MS + 29_999]) {
      const answers = [-2, -1, 0, 1, 2].map((offset) =>
        matchTotp(key, codeOf(key, step + offset), atMs, 0),
      );
      expect(answers).toEqual([null, step - 1, step, step + 1, null]);
    }
  });

  it('refuses an accepted step and all before it, also when the clock goes back', () => {
    const key = generateTotpSecret();
    const step = 50_000_000;
    const nowMs = step * STEP_MS;
    expect(matchTotp(key, codeOf(key, step), nowMs, step)).toBeNull();
    expect(matchTotp(key, codeOf(key, step - 1), nowMs, step)).toBeNull();
    expect(matchTotp(key, codeOf(key, step + 1), nowMs, step)).toBe(step + 1);
    expect(matchTotp(key, codeOf(key, step), nowMs - 60_000, step)).toBeNull();
    expect(matchTotp(key, codeOf(key, step - 2), nowMs - 60_000, step)).toBeNull();
    expect(matchTotp(key, codeOf(key, step + 1), nowMs, step + 1)).toBeNull();
    expect(matchTotp(key, codeOf(key, step), nowMs, step + 1_000)).toBeNull();
  });

  it('takes every malformed code for a wrong one', () => {
    const malformed = [
      '',
      ' ',
      '12345',
      '1234567',
      '12 345',
      ' 123456',
      '123456 ',
      '123456\n',
      '-12345',
      '+12345',
      '1e5000',
      '１２３４５６',
      'abcdef',
      '\0'.repeat(6),
      '9'.repeat(10_000),
    ];
    for (const code of malformed) expect(matchTotp(secret, code, 59_000, 0)).toBeNull();
  });

  it('does not accept the code of another secret', () => {
    const code = codeOf(generateTotpSecret(), 100);
    expect(matchTotp(Buffer.alloc(20, 1), code, 100 * STEP_MS, 0)).toBeNull();
  });
});

describe('the secret', () => {
  it('has 160 bits and is new each time', () => {
    expect(generateTotpSecret()).toHaveLength(20);
    expect(generateTotpSecret()).not.toEqual(generateTotpSecret());
  });

  it('is written in base32', () => {
    expect(formatTotpSecret(secret)).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
  });

  it('makes a QR text that authenticators read', () => {
    const uri = new URL(totpUri(secret, 'Acme: Log in & out', 'ann+x@example.com'));
    expect(uri.protocol).toBe('otpauth:');
    expect(decodeURIComponent(uri.pathname)).toBe('/Acme Log in & out:ann+x@example.com');
    expect(uri.searchParams.get('secret')).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
    expect(uri.searchParams.get('issuer')).toBe('Acme Log in & out');
  });
});
