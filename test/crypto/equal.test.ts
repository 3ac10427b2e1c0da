import { expect, it } from 'vitest';
import { isEqual } from '../../src/crypto/equal.ts';

it('tells equal bytes from unequal ones', () => {
  expect(isEqual(Buffer.from('abc'), Buffer.from('abc'))).toBe(true);
  expect(isEqual(Buffer.from('abc'), Buffer.from('abd'))).toBe(false);
});

it('calls other lengths unequal and never throws', () => {
  expect(isEqual(Buffer.from('abc'), Buffer.from('abcd'))).toBe(false);
  expect(isEqual(Buffer.alloc(0), Buffer.from('a'))).toBe(false);
  expect(isEqual(Buffer.alloc(0), Buffer.alloc(0))).toBe(true);
});
