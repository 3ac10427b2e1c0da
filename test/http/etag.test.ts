import { describe, expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { etagOf, readIfMatch } from '../../src/http/etag.ts';

/** The versions asked for, or the code of the refusal. */
function read(header: string | undefined): readonly number[] | string | null {
  try {
    return readIfMatch(header);
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}

describe('If-Match', () => {
  test.each([undefined, '*', ' * '])('%j asks for no version in particular', (header) => {
    expect(read(header)).toBeNull();
  });

  test.each([
    [etagOf(4), [4]],
    ['"zzz", "4"', [4]],
    ['"4","5"', [4, 5]],
    [' , "4" ,, W/"6",\t"a,b" ', [4]],
    ['"0"', [0]],
  ])('%s: any tag of the list will do', (header, versions) => {
    expect(read(header)).toEqual(versions);
  });

  test.each([
    'W/"4"',
    'w/"4"',
    '"04"',
    '"4',
    '4',
    '"4" "5"',
    '"4"; "5"',
    '*, "4"',
    '"4", x',
    '"a b", "4"',
    '"9999999999"',
    '',
    ',',
  ])('%j can match no version', (header) => {
    expect(read(header)).toBe('precondition_failed');
  });

  test('a long header is read in one go', () => {
    expect(read(`${'"x" , '.repeat(2_500)}"4"`)).toEqual([4]);
    expect(read(`${', '.repeat(8_000)}x`)).toBe('precondition_failed');
  });
});
