import { describe, expect, it } from 'vitest';
import { formatPhc, needsRehash, parsePhc } from '../../src/crypto/phc.ts';
import { randomBytes } from '../../src/crypto/random.ts';

const cost = { memoryKib: 19_456, passes: 2, parallelism: 1 };
const salt = randomBytes(16);
const hash = randomBytes(32);
const text = formatPhc(cost, salt, hash);
const [, , , , saltText, hashText] = text.split('$');

describe('formatPhc', () => {
  it('writes the parameters in the order m, t, p', () => {
    expect(text.startsWith('$argon2id$v=19$m=19456,t=2,p=1$')).toBe(true);
  });

  it('is read back', () => {
    expect(parsePhc(text)).toEqual({ params: { ...cost, length: 32 }, salt, hash });
  });
});

describe('parsePhc', () => {
  const withParams = (params: string) => `$argon2id$v=19$${params}$${saltText}$${hashText}`;

  it('reads other orders of the parameters: the npm package argon2 writes m, p, t', () => {
    expect(parsePhc(withParams('m=19456,p=1,t=2'))?.params).toEqual({ ...cost, length: 32 });
  });

  it('refuses a cost that would exhaust the machine, or one that is none', () => {
    const refused = [
      'm=4194304,t=2,p=1',
      'm=262145,t=1,p=1',
      'm=19456,t=17,p=1',
      'm=19456,t=2,p=17',
      'm=262144,t=5,p=1',
      'm=99999999999999999999,t=1,p=1',
      'm=7,t=1,p=1',
      'm=0,t=2,p=1',
      'm=-19456,t=2,p=1',
      'm=19456,t=0,p=1',
      'm=19456,t=2,p=0',
    ];
    for (const params of refused)
      expect([params, parsePhc(withParams(params))]).toEqual([params, null]);
    expect(parsePhc(withParams('m=262144,t=4,p=1'))).not.toBeNull();
  });

  it('refuses missing, unknown, repeated and oddly written parameters', () => {
    for (const params of [
      'm=19456,t=2',
      't=2,p=1',
      'm=19456,t=2,p=1,x=1',
      'm=19456,m=19456,t=2,p=1',
      'm=019456,t=2,p=1',
      'm=19456.0,t=2,p=1',
      'm=1e4,t=2,p=1',
      '',
      'm=19456,t=2,p=1,data=AAAA',
      '__proto__=1,m=19456,t=2,p=1',
    ])
      expect([params, parsePhc(withParams(params))]).toEqual([params, null]);
  });

  it('refuses other algorithms, versions and texts', () => {
    const others = [
      '',
      'password',
      '$2b$10$abcdefghijklmnopqrstuv',
      text.replace('argon2id', 'argon2i'),
      text.replace('v=19', 'v=16'),
      text.replace('$v=19', ''),
      // Of 41 characters no base64 is made; of 42 some is: a shorter hash.
      text.slice(0, -2),
      `${text}$`,
      `${text}=`,
      ` ${text}`,
      `${text}\n`,
      text.slice(0, text.lastIndexOf('$')),
      `$argon2id$v=19$m=19456,t=2,p=1$AAAA$${hashText}`,
      `$argon2id$v=19$m=19456,t=2,p=1$${saltText}$AAAA`,
      'x'.repeat(1_000_000),
    ];
    for (const other of others)
      expect([other.slice(0, 80), parsePhc(other)]).toEqual([other.slice(0, 80), null]);
  });
});

describe('needsRehash', () => {
  it('is true for other parameters and other hash lengths', () => {
    const phc = parsePhc(text)!;
    expect(needsRehash(phc, cost)).toBe(false);
    expect(needsRehash(phc, { ...cost, memoryKib: 65_536 })).toBe(true);
    expect(needsRehash(phc, { ...cost, passes: 3 })).toBe(true);
    expect(needsRehash(phc, { ...cost, parallelism: 4 })).toBe(true);
    expect(needsRehash(parsePhc(formatPhc(cost, salt, randomBytes(16)))!, cost)).toBe(true);
  });
});
