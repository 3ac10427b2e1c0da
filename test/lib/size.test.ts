import { expect, test } from 'vitest';
import { formatSize, parseSize } from '../../src/lib/size.ts';

test.each([
  ['0', 0],
  ['512B', 512],
  ['16KB', 16_000],
  ['50MB', 50_000_000],
  ['1500MB', 1_500_000_000],
  ['2GB', 2_000_000_000],
])('%s is %d bytes, and back', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
  expect(formatSize(bytes)).toBe(text);
});

test.each(['', '1', '-1MB', '1.5MB', 'MB', '1 MB', '1TB'])('%j is no size', (text) => {
  expect(parseSize(text)).toBeNull();
});

test('letters may be small', () => {
  expect(parseSize('50mb')).toBe(50_000_000);
});
