import type { Scope } from '../lib/lifecycle.ts';
import { writeOut } from './write-out.ts';

/**
 * Writes values as NDJSON, one JSON object a line, to a new file or standard output (`writeOut`).
 * @returns how many
 * @throws AppError as `writeOut`
 */
export async function writeLines(
  values: AsyncIterable<unknown>,
  to: string | undefined,
  scope: Scope,
  what: string,
): Promise<number> {
  let count = 0;
  async function* lines() {
    for await (const value of values) {
      count += 1;
      yield `${toLine(value)}\n`;
    }
  }
  await writeOut(lines(), to, scope, what);
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
