import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomBytes } from '../../src/crypto/random.ts';
import { openStream, sealStream } from '../../src/crypto/sealed-stream.ts';

const CHUNK = 65_536;
const SEALED_CHUNK = CHUNK + 16;
const key = randomBytes(32);
const aad = Buffer.from('a backup');

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size)
    yield bytes.subarray(start, start + size);
}

async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

const seal = (bytes: Uint8Array, size = 10_000) =>
  collect(sealStream(key, aad, inPieces(bytes, size)));
const open = (bytes: Uint8Array, size = 9_999) =>
  collect(openStream(key, aad, inPieces(bytes, size)));
const refusal = 'sealed stream does not open';

it('opens what it sealed, however both are cut', async () => {
  const lengths = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7];
  const given = fc.record({
    length: fc.constantFrom(...lengths),
    sealedIn: fc.constantFrom(1_000, CHUNK, 1_000_000),
    openedIn: fc.constantFrom(777, SEALED_CHUNK, 1_000_000),
  });
  await fc.assert(
    fc.asyncProperty(given, async ({ length, sealedIn, openedIn }) => {
      const bytes = randomBytes(length);
      expect((await open(await seal(bytes, sealedIn), openedIn)).equals(bytes)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

it('refuses a flipped bit anywhere', async () => {
  const sealed = await seal(randomBytes(CHUNK + 20));
  const positions = [0, CHUNK - 1, CHUNK, SEALED_CHUNK - 1, SEALED_CHUNK, sealed.length - 1];
  for (const position of positions) {
    const broken = Buffer.from(sealed);
    broken[position]! ^= 1;
    await expect(open(broken)).rejects.toThrow(refusal);
  }
});

it('refuses pieces that are missing, moved, repeated or another stream’s', async () => {
  const bytes = randomBytes(3 * CHUNK);
  const sealed = await seal(bytes);
  const [one, two, three] = [0, 1, 2].map((index) =>
    sealed.subarray(index * SEALED_CHUNK, (index + 1) * SEALED_CHUNK),
  ) as [Buffer, Buffer, Buffer];
  const wrong = [
    [one, two],
    [two, three],
    [one, three],
    [two, one, three],
    [one, one, two, three],
    [one, two, three, three],
    [one, two, three, Buffer.of(0)],
    [],
  ];
  for (const pieces of wrong) await expect(open(Buffer.concat(pieces))).rejects.toThrow(refusal);
  for (let length = 0; length < 40; length += 1)
    await expect(open(sealed.subarray(0, length))).rejects.toThrow(refusal);
});

it('refuses another key and another belonging', async () => {
  const sealed = await seal(Buffer.from('secret'));
  const others = [
    openStream(randomBytes(32), aad, inPieces(sealed, 100)),
    openStream(key, Buffer.from('another backup'), inPieces(sealed, 100)),
  ];
  for (const other of others) await expect(collect(other)).rejects.toThrow(refusal);
});
