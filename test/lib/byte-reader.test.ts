import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createByteReader } from '../../src/lib/byte-reader.ts';

function readerOf(...texts: string[]) {
  return createByteReader(
    (async function* () {
      for (const text of texts) yield Buffer.from(text);
    })(),
  );
}

async function restOf(reader: ReturnType<typeof readerOf>): Promise<string> {
  let text = '';
  for await (const part of reader.rest()) text += part;
  return text;
}

it('takes exact numbers of bytes, whatever the chunks', async () => {
  const cuts = fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 5 }), { maxLength: 8 });
  const wanted = fc.array(fc.nat(7), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(cuts, wanted, async (texts, lengths) => {
      const whole = texts.join('');
      const reader = readerOf(...texts);
      let start = 0;
      for (const length of lengths) {
        const taken = (await reader.take(length)).toString();
        expect(taken).toBe(whole.slice(start, start + length));
        start += taken.length;
      }
      expect(await restOf(reader)).toBe(whole.slice(start));
    }),
  );
});

it('takes lines, and nothing of what is no line within the limit', async () => {
  const reader = readerOf('on', 'e\ntw', 'o\n\nlong and', ' without end');
  expect((await reader.takeLine(10))?.toString()).toBe('one');
  expect((await reader.takeLine(4))?.toString()).toBe('two');
  expect((await reader.takeLine(1))?.toString()).toBe('');
  expect(await reader.takeLine(6)).toBeNull();
  expect(await reader.takeLine(1_000)).toBeNull();
  expect(await restOf(reader)).toBe('long and without end');
});
