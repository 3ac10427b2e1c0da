import { createReadStream } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { AppError } from '../errors.ts';

/** A file that a command reads once, or its standard input. */
export interface Input {
  /** 0 where nobody knows. */
  readonly bytes: number;
  open(): AsyncIterable<Buffer>;
}

/**
 * Finds what an operator named; `-` is standard input.
 * @throws AppError `usage` when there is no such file
 */
export async function findInput(path: string): Promise<Input> {
  if (path === '-') return { bytes: 0, open: () => process.stdin };
  try {
    await access(path, constants.R_OK);
    const found = await stat(path);
    if (found.isDirectory()) throw new Error('it is a folder');
    return { bytes: found.size, open: () => createReadStream(path) };
  } catch (error) {
    throw new AppError('usage', { text: `The file ${path} cannot be read.`, cause: error });
  }
}
