import { createWriteStream } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorCode } from '../lib/error-code.ts';

/**
 * Writes values as NDJSON, one JSON object a line, as fast as the reader takes them.
 * @param to a file, made anew and readable by its owner only; standard output where none is named
 * @returns how many
 * @throws the system's error where the file cannot be written, also EEXIST
 */
export async function writeLines(
  values: AsyncIterable<unknown>,
  to: string | undefined,
): Promise<number> {
  let count = 0;
  async function* lines() {
    for await (const value of values) {
      count += 1;
      yield `${toLine(value)}\n`;
    }
  }
  const isFile = to !== undefined;
  const target: Writable = isFile
    ? createWriteStream(to, { mode: 0o600, flags: 'wx' })
    : process.stdout;
  try {
    await pipeline(Readable.from(lines()), target, { end: isFile });
  } catch (error) {
    // A reader that has seen enough, such as `head`, is no failure of ours.
    if (isFile || errorCode(error) !== 'EPIPE') throw error;
  }
  return count;
}

/**
 * JSON lets these stand as they are. A reader that splits text by Unicode's idea of a line would see two
 * where there is one, and a terminal would obey.
 */
const LINE_ENDS_AND_CONTROLS = /[\u007f-\u009f\u2028\u2029]/g;

function toLine(value: unknown): string {
  return JSON.stringify(value).replace(
    LINE_ENDS_AND_CONTROLS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
