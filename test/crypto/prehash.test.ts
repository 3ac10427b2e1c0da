import { expect, it } from 'vitest';
import { prehash } from '../../src/crypto/prehash.ts';
import { randomBytes, uuidv7 } from '../../src/crypto/random.ts';

const pepper = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
const salt = Buffer.from(Array.from({ length: 16 }, (_, i) => i + 16));
const userId = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f';

it('computes the frozen formula', () => {
  // From Python: hmac(pepper, b'authctl/pw/v1\0' + user_id + salt + NFC(password), sha256)
  const x = prehash(pepper, userId, salt, 'Zoë 🔑 pass');
  expect(x.toString('hex')).toBe(
    'e0eccc3843361f5670dfd4c929ef08c515524eac42758962d3731f00e07e3b3c',
  );
});

it('makes one password of composed and decomposed accents, and of nothing else', () => {
  const of = (password: string) => prehash(pepper, userId, salt, password).toString('hex');
  expect(of('Zoe\u0308')).toBe(of('Zo\u00eb'));
  const different = ['Zoë', 'zoë', 'Zoë ', ' Zoë', 'Zoe', 'Zo', 'Ｚoë', 'Zoë\u200b'];
  expect(new Set(different.map(of)).size).toBe(different.length);
});

it('keeps every byte of a long password', () => {
  const long = 'x'.repeat(1_024);
  const of = (password: string) => prehash(pepper, userId, salt, password).toString('hex');
  const variants = [72, 73, 511, 1_023].map((at) => `${long.slice(0, at)}y${long.slice(at + 1)}`);
  expect(new Set([long, ...variants].map(of)).size).toBe(5);
});

it('differs for another user, salt or pepper, so equal passwords look different', () => {
  const all = [
    prehash(pepper, userId, salt, 'password'),
    prehash(pepper, uuidv7(0), salt, 'password'),
    prehash(pepper, userId, randomBytes(16), 'password'),
    prehash(randomBytes(32), userId, salt, 'password'),
  ];
  expect(new Set(all.map((x) => x.toString('hex'))).size).toBe(4);
});

it('refuses a salt of another length, which could shift bytes into the password', () => {
  expect(() => prehash(pepper, userId, salt.subarray(1), 'password')).toThrow(TypeError);
});
