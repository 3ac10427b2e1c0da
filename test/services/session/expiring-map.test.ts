import { expect, test } from 'vitest';
import { createExpiringMap } from '../../../src/services/session/expiring-map.ts';

test('an entry is there until its time, and not at it', () => {
  const map = createExpiringMap<string>(10);
  map.set('a', 'one', 1_000);
  expect(map.get('a', 999)).toBe('one');
  expect(map.get('a', 1_000)).toBeUndefined();
  expect(map.get('a', 999), 'and never again').toBeUndefined();
});

test('a full map drops what was set first; setting an entry again makes it the newest', () => {
  const map = createExpiringMap<number>(2);
  map.set('a', 1, 10);
  map.set('b', 2, 10);
  map.set('a', 3, 10);
  map.set('c', 4, 10);
  expect(['a', 'b', 'c'].map((key) => map.get(key, 0))).toEqual([3, undefined, 4]);
});
