import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { readLines, type TextLine } from '../../src/lib/read-lines.ts';

async function linesOf(text: string | Buffer, chunkBytes: number, maxBytes = 100) {
  const bytes = Buffer.from(text);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes)
    chunks.push(bytes.subarray(at, at + chunkBytes));
  const lines: TextLine[] = [];
  for await (const line of readLines(Readable.from(chunks), maxBytes)) lines.push(line);
  return lines;
}

test.each([1, 2, 3, 7, 1_000])('chunks of %i bytes give the same lines', async (chunkBytes) => {
  const lines = await linesOf('\ufeffone\r\n\ngrün 🦊\nlast', chunkBytes);
  expect(lines).toEqual([
    { number: 1, text: 'one', endsAt: 8 },
    { number: 2, text: '', endsAt: 9 },
    { number: 3, text: 'grün 🦊', endsAt: 20 },
    { number: 4, text: 'last', endsAt: 24 },
  ]);
});

test('a line that is too long or not UTF-8 has no text, and the next one is read again', async () => {
  const bytes = Buffer.concat([
    Buffer.from(`${'x'.repeat(101)}\n${'y'.repeat(100)}\n`),
    Buffer.from([0xff, 0x0a]),
    Buffer.from('fine\n'),
  ]);
  const lines = await linesOf(bytes, 10);
  expect(lines.map(({ text }) => text)).toEqual([null, 'y'.repeat(100), null, 'fine']);
});

test('nothing has no lines', async () => {
  expect(await linesOf('', 10)).toEqual([]);
});
