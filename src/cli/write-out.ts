import { existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorCode } from '../lib/error-code.ts';
import type { Scope } from '../lib/lifecycle.ts';
import { alreadyThere, createOutputFile } from './output-file.ts';

/** Lines are gathered to pieces of about this size: a write for each would cost more than the line. */
const PIECE_BYTES = 65_536;

/**
 * Writes texts one after another, as fast as the reader takes them.
 *
 * A file is made anew, readable by its owner only, and has its name when it is whole: what was
 * interrupted, or found the disk full, leaves nothing that looks like an export.
 * @param to a file; standard output where none is named
 * @param scope releases what is unfinished
 * @param what begins the sentence of a failure: `The export`
 * @throws AppError `usage` where the file exists, `forbidden` where it cannot be written
 */
export async function writeOut(
  texts: AsyncIterable<string>,
  to: string | undefined,
  scope: Scope,
  what: string,
): Promise<void> {
  if (to === undefined) return writeToOutput(texts);
  // Asked before the work, and once more when the file gets its name.
  if (existsSync(to)) throw alreadyThere(to);
  const file = await createOutputFile(to, what);
  scope.own('unfinished file', file, (unfinished) => unfinished.discard());
  for await (const piece of inPieces(texts)) await file.write(Buffer.from(piece));
  await file.keep();
}

async function writeToOutput(texts: AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(texts), process.stdout, { end: false });
  } catch (error) {
    // A reader that has seen enough, such as `head`, is no failure of ours.
    if (errorCode(error) !== 'EPIPE') throw error;
  }
}

async function* inPieces(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = '';
  for await (const text of texts) {
    piece += text;
    if (piece.length < PIECE_BYTES) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}
