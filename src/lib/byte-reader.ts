/** Reads exact numbers of bytes from chunks of any size. */
export interface ByteReader {
  /** The next `length` bytes; fewer only where the source ends. */
  take(length: number): Promise<Buffer>;
  /** The bytes up to the next line feed, without it; null where none comes within `limit` bytes. */
  takeLine(limit: number): Promise<Buffer | null>;
  /** What has not been taken. */
  rest(): AsyncGenerator<Buffer>;
}

/** Takes over an iterable of bytes; whatever reads from it must go through the reader from then on. */
export function createByteReader(source: AsyncIterable<Uint8Array>): ByteReader {
  const chunks = source[Symbol.asyncIterator]();
  let held: Buffer[] = [];
  let length = 0;

  /** Holds at least `wanted` bytes, or all there are. */
  async function fill(wanted: number): Promise<Buffer> {
    while (length < wanted) {
      const { done, value } = await chunks.next();
      if (done) break;
      held.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      length += value.byteLength;
    }
    if (held.length > 1) held = [Buffer.concat(held)];
    return held[0] ?? Buffer.alloc(0);
  }

  function keep(bytes: Buffer): void {
    held = [bytes];
    length = bytes.length;
  }

  return {
    async take(wanted) {
      const bytes = await fill(wanted);
      keep(bytes.subarray(wanted));
      return bytes.subarray(0, wanted);
    },
    async takeLine(limit) {
      for (let wanted = 1; wanted <= limit; wanted = length + 1) {
        const bytes = await fill(wanted);
        const end = bytes.subarray(0, limit).indexOf(0x0a);
        if (end >= 0) {
          keep(bytes.subarray(end + 1));
          return bytes.subarray(0, end);
        }
        if (bytes.length < wanted) return null;
      }
      return null;
    },
    async *rest() {
      for (const bytes of held) yield bytes;
      keep(Buffer.alloc(0));
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
        const { buffer, byteOffset, byteLength } = next.value;
        yield Buffer.from(buffer, byteOffset, byteLength);
      }
    },
  };
}
