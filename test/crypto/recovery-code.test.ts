import { expect, it } from 'vitest';
import { randomBytes, uuidv7 } from '../../src/crypto/random.ts';
import {
  digestRecoveryCode,
  generateRecoveryCodes,
  normaliseRecoveryCode,
} from '../../src/crypto/recovery-code.ts';

it('draws ten different codes in four groups of four', () => {
  const codes = generateRecoveryCodes();
  expect(new Set(codes).size).toBe(10);
  for (const code of codes) expect(code).toMatch(/^([2-9A-HJ-NP-Z]{4}-){3}[2-9A-HJ-NP-Z]{4}$/);
});

it('reads a typed code in any case and grouping, and finds its digest', () => {
  const [key, userId] = [randomBytes(32), uuidv7(0)];
  const [code] = generateRecoveryCodes();
  const digest = digestRecoveryCode(key, userId, code!);
  for (const typed of [code!.toLowerCase(), code!.replaceAll('-', ''), ` ${code} `])
    expect(digestRecoveryCode(key, userId, normaliseRecoveryCode(typed)!)).toEqual(digest);
  expect(digestRecoveryCode(key, uuidv7(0), code!)).not.toEqual(digest);
});

it('takes every other text for a wrong code', () => {
  for (const typed of ['', 'ABCD-EFGH', '123456', 'ABCD-EFGH-JKLM-NPQ1', 'A'.repeat(10_000)])
    expect(normaliseRecoveryCode(typed)).toBeNull();
});
