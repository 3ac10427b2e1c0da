import { expect, test } from 'vitest';
import { formatElapsed, formatTable } from '../../src/cli/format.ts';

test('a table has aligned columns, and a dash for nothing', () => {
  expect(
    formatTable(
      ['NAME', 'N'],
      [
        ['a', 1],
        ['long name', null],
      ],
    ),
  ).toBe(['NAME       N', 'a          1', 'long name  -'].join('\n'));
});

test('columns without names have no empty line above them', () => {
  expect(formatTable(['', ''], [['id', 1]])).toBe('id  1');
});

test('a cell cannot send control characters to the terminal', () => {
  expect(formatTable(['X'], [['a\u001b[2Jb\nc\u009b']])).toBe('X\na?[2Jb?c?');
});

test('a cell cannot end its row or turn it around', () => {
  expect(formatTable(['X', 'Y'], [['a\u202eb\u2066c\u2028d', 1]])).toBe('X        Y\na?b?c?d  1');
});

test.each([
  [0, '0ms'],
  [999, '999ms'],
  [1_000, '1s'],
  [59_999, '1m'],
  [61_000, '1m 1s'],
  [3_600_000, '1h'],
  [3_605_000, '1h'],
  [5_400_000, '1h 30m'],
  [90_000_000, '1d 1h'],
])('%i ms is %s', (ms, text) => {
  expect(formatElapsed(ms)).toBe(text);
});
