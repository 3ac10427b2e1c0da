import { expect, test } from 'vitest';
import { parseHeaderList } from '../../src/lib/header-list.ts';

test('reads names and percent-encoded values, blanks around them left out', () => {
  const text = 'Authorization=Bearer%20abc%3D, x-tenant = 7 ,';
  expect(parseHeaderList(text)).toEqual({ authorization: 'Bearer abc=', 'x-tenant': '7' });
  expect(parseHeaderList('')).toEqual({});
  expect(parseHeaderList('a=b=c')).toEqual({ a: 'b=c' });
});

test.each(['Bearer abc', '=value', 'a b=c', 'a=%zz', 'a=%0d%0aHost:x', 'a=b,c'])(
  'refuses %j',
  (text) => {
    expect(parseHeaderList(text)).toBeNull();
  },
);
