import { expect, test } from 'vitest';
import { counted } from '../../src/lib/counted.ts';

test.each([
  [0, '0 sessions'],
  [1, '1 session'],
  [2, '2 sessions'],
])('%i reads “%s”', (count, text) => {
  expect(counted(count, 'session')).toBe(text);
});
