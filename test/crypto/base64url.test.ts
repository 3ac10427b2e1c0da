import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readBase64url } from '../../src/crypto/base64url.ts';

it('reads what Node writes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(readBase64url(Buffer.from(bytes).toString('base64url'))).toEqual(Buffer.from(bytes));
    }),
  );
});

it('refuses padding, the other alphabet, spare bits, blanks and strangers', () => {
  for (const text of ['_w==', '/w', '+w', '_x', ' _w', '_w ', '_w\n', '_', '_w.', 'é', '_w\0'])
    expect(readBase64url(text)).toBeNull();
});

it('never reads two texts as the same bytes', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), (text) => {
      const bytes = readBase64url(text);
      if (bytes) expect(bytes.toString('base64url')).toBe(text);
    }),
    { numRuns: 2_000 },
  );
});
