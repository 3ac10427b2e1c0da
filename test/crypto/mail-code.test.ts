import { expect, it } from 'vitest';
import { createMailCode, digestMailCode, normaliseCode } from '../../src/crypto/mail-code.ts';
import { randomBytes } from '../../src/crypto/random.ts';

it('shows codes as XXXX-XXXX', () => {
  for (let i = 0; i < 1_000; i += 1)
    expect(createMailCode()).toMatch(/^[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}$/);
});

it('accepts a code with or without hyphen, in any case, with blanks around it', () => {
  for (const typed of ['ABCD-EFGH', 'ABCDEFGH', 'abcd-efgh', 'aBcDeFgH', ' ABCD-EFGH\t'])
    expect(normaliseCode(typed)).toBe('ABCDEFGH');
});

it('takes every other text for a wrong code', () => {
  const wrong = [
    '',
    '-',
    'ABCD-EFG',
    'ABCD-EFGHJ',
    'ABCD EFGH',
    'ABCD-EFG0',
    'ABCD-EFG1',
    'ABCD-EFGI',
    'ABCD-EFGO',
    'ABCD-EFG\u017f',
    'ABCD-EFG\u212a',
    '\uff21BCD-EFGH',
    'ABCD\u2010EFGH',
    'ABCD-EFGH\0',
    'A'.repeat(10_000),
  ];
  for (const typed of wrong) expect([typed, normaliseCode(typed)]).toEqual([typed, null]);
});

it('stores a digest bound to key and flow, the same for both forms of the code', () => {
  const key = randomBytes(32);
  const flow = randomBytes(32);
  const digest = digestMailCode(key, flow, 'ABCD-EFGH');
  expect(digestMailCode(key, flow, 'ABCDEFGH')).toEqual(digest);
  expect(digestMailCode(key, randomBytes(32), 'ABCDEFGH')).not.toEqual(digest);
  expect(digestMailCode(randomBytes(32), flow, 'ABCDEFGH')).not.toEqual(digest);
});
