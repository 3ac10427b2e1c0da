import { createReadStream } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { unreadableFile } from './unreadable-file.ts';

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
    if (found.isDirectory()) throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' });
    return { bytes: found.size, open: () => createReadStream(path) };
  } catch (error) {
    throw unreadableFile(path, error, 'name a file, or - for standard input');
  }
}
