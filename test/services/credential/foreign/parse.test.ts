import { expect, test } from 'vitest';
import { nodeRsEngine } from '../../../../src/crypto/argon2/node-rs.ts';
import { createForge } from '../../../../src/crypto/forge.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import type { ForeignHash } from '../../../../src/services/credential/foreign/format.ts';
import { parseForeignHash } from '../../../../src/services/credential/foreign/parse.ts';
import { readVectors } from '../../../support/json-vectors.ts';

const { vectors } = readVectors<{
  vectors: { password: string; hash: string; source: string }[];
}>('foreign-hashes.json');

const forge = createForge({
  engine: nodeRsEngine,
  slots: 2,
  cost: { memoryKib: 64, passes: 1, parallelism: 1 },
  clock: systemClock,
});

function parsed(text: string): ForeignHash {
  const hash = parseForeignHash(text);
  if (typeof hash === 'string') throw new Error(`${hash}: ${text}`);
  return hash;
}

/** Replaces one character of a hash's digest by another of its alphabet. */
function flipped(text: string, at: number): string {
  return `${text.slice(0, at)}${text[at] === 'a' ? 'b' : 'a'}${text.slice(at + 1)}`;
}

test.each(vectors)('$hash verifies its password ($source) and no other', async (vector) => {
  const { hash, password } = vector;
  const matches = (text: string) => parsed(hash).matches(Buffer.from(text), forge);
  expect(await matches(password)).toBe(true);
  expect(await matches(`${password} `)).toBe(false);
  expect(await matches('')).toBe(false);
});

test.each(vectors)('$hash with one digit changed is another hash, or none', async (vector) => {
  const other = parseForeignHash(flipped(vector.hash, vector.hash.length - 8));
  if (typeof other === 'string') return;
  expect(await other.matches(Buffer.from(vector.password), forge)).toBe(false);
});

test.each(vectors)(
  '$hash cut short anywhere is refused or read, and nothing throws',
  ({ hash }) => {
    for (let length = 0; length < hash.length; length += 1) parseForeignHash(hash.slice(0, length));
  },
);

test('an Argon2 string may be padded, as Keycloak’s parts are', async () => {
  const text = vectors.find(({ hash }) => hash.startsWith('$argon2id$'))!;
  const padded = text.hash
    .split('$')
    .map((part, index) => (index < 4 ? part : part.padEnd(Math.ceil(part.length / 4) * 4, '=')))
    .join('$');
  expect(padded).toContain('=$');
  expect(await parsed(padded).matches(Buffer.from(text.password), forge)).toBe(true);
  expect(await parsed(padded).matches(Buffer.from('another'), forge)).toBe(false);
});

test('bcrypt reads 72 bytes and no further, like those that made it', async () => {
  const { hash } = await import('@node-rs/bcrypt');
  const made = parsed(await hash(`${'é'.repeat(36)}tail`, 4));
  const matches = (text: string) => made.matches(Buffer.from(text), forge);
  expect(await matches(`${'é'.repeat(36)}another tail`)).toBe(true);
  expect(await matches('é'.repeat(36))).toBe(true);
  expect(await matches(`${'é'.repeat(35)}e\u0301`)).toBe(false);
});

const SALT_HASH = 'c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
const DIGEST = 'hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ';

test.each([
  `$argon2id$v=19$m=4194304,t=1,p=1$${SALT_HASH}`,
  `$argon2i$v=19$m=65536,t=17,p=1$${SALT_HASH}`,
  `$argon2id$v=19$m=262144,t=5,p=1$${SALT_HASH}`,
  `$argon2id$v=19$m=1024,t=1,p=17$${SALT_HASH}`,
  '$2b$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  '$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  '$scrypt$ln=19,r=8,p=1$U29kaXVtQ2hsb3JpZGU$hsYF68OiOUPdDZ1Fg0fJPeq1h/gXXY7acBp9/6c0tmQ',
  '$scrypt$ln=99,r=8,p=1$U29kaXVtQ2hsb3JpZGU$hsYF68OiOUPdDZ1Fg0fJPeq1h/gXXY7acBp9/6c0tmQ',
  '$scrypt$ln=14,r=8,p=999$U29kaXVtQ2hsb3JpZGU$hsYF68OiOUPdDZ1Fg0fJPeq1h/gXXY7acBp9/6c0tmQ',
  'scrypt$1073741824$saltsalt$8$1$hsYF68OiOUPdDZ1Fg0fJPeq1h/gXXY7acBp9/6c0tmQ=',
  `$pbkdf2-sha256$2000001$4vjV83LKPjQzk31VI4E0Vw$${DIGEST}`,
  `$pbkdf2-sha512$i=4294967295$4vjV83LKPjQzk31VI4E0Vw$${DIGEST}`,
  '$firescrypt$ln=30,r=8,p=1$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9A==$Bw==$jxspr8Ki0RYycVU8zykbdA==',
])('%s is refused before it costs anything', (text) => {
  expect(parseForeignHash(text)).toBe('too_costly');
});

test.each([
  '$argon2id$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  `$argon2d$v=19$m=65536,t=2,p=1$${SALT_HASH}`,
  `$argon2id$v=19$m=65536,t=2,p=1,keyid=x$${SALT_HASH}`,
  '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTE',
  '$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  '$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  '$2b$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  '$2b$05$CCCCCCCCCCCCCCCCCCCCC/E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n',
  'scrypt$16383$saltsalt$8$1$hsYF68OiOUPdDZ1Fg0fJPeq1h/gXXY7acBp9/6c0tmQ=',
  'scrypt:32768:8:1$saltsalt$xyz',
  '$scrypt$ln=14,r=0,p=1$U29kaXVtQ2hsb3JpZGU$hsYF68OiOUPdDZ1Fg0fJPeq1h/gXXY7acBp9/6c0tmQ',
  '$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9A==',
  `$pbkdf2-md5$1212$4vjV83LKPjQzk31VI4E0Vw$${DIGEST}`,
  `$pbkdf2-sha256$0$4vjV83LKPjQzk31VI4E0Vw$${DIGEST}`,
  `$pbkdf2-sha256$i=1212,l=31$4vjV83LKPjQzk31VI4E0Vw$${DIGEST}`,
  'pbkdf2_sha256$1000$salt\0salt$hsYF68OiOUPdDZ1Fg0fJPeq1h/gXXY7acBp9/6c0tmQ=',
  'pbkdf2_sha256$1000$saltsalt$c2hvcnQ=',
])('%j is malformed', (text) => {
  expect(parseForeignHash(text)).toBe('malformed');
});

test.each([
  '',
  'password',
  '5f4dcc3b5aa765d61d8327deb882cf99',
  '{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr',
  '$1$O3JMY.Tw$AdLnLjQ/5jXF9.MTp3gHv/',
  '$6$rounds=5000$saltsalt$hash',
])('%j is of no known format', (text) => {
  expect(parseForeignHash(text)).toBe('unknown_format');
});
