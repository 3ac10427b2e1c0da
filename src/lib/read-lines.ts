/** One line of a text, without its end. */
export interface TextLine {
  /** From 1 on. */
  readonly number: number;
  /** null where the line is too long or not UTF-8. */
  readonly text: string | null;
  /** Bytes of the input up to the line's end: how far reading has come. */
  readonly endsAt: number;
}

const LINE_FEED = 0x0a;

/**
 * Cuts a stream into lines of at most `maxBytes`, with bounded memory: what is longer is skipped to its
 * end. A carriage return before the line feed and a byte order mark are dropped.
 */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<TextLine> {
  let number = 0;
  let endsAt = 0;
  let parts: Buffer[] = [];
  let length = 0;

  function keep(part: Buffer): void {
    endsAt += part.length;
    length += part.length;
    if (length <= maxBytes) parts.push(part);
    else parts = [];
  }

  function finish(): TextLine {
    const text = length <= maxBytes ? decode(Buffer.concat(parts)) : null;
    parts = [];
    length = 0;
    number += 1;
    return { number, text, endsAt };
  }

  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      keep(chunk.subarray(start, end));
      endsAt += 1;
      start = end + 1;
      yield finish();
    }
    keep(chunk.subarray(start));
  }
  if (length > 0) yield finish();
}

function decode(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r$/, '');
  } catch {
    // The decoder throws on bytes that are no UTF-8.
    return null;
  }
}
