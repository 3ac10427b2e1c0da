import { AppError } from '../errors.ts';
import { errorCode } from '../lib/error-code.ts';
import { createPrivateFile, type UnfinishedFile } from '../lib/private-files.ts';

/**
 * A new file for what a command writes (`createPrivateFile`). What fails there is said here, where it
 * cannot be taken for the database's.
 * @param what begins the sentence: `The backup`
 * @throws AppError as `unwritable`, from every step
 */
export async function createOutputFile(path: string, what: string): Promise<UnfinishedFile> {
  const refuse = (cause: unknown) => Promise.reject(unwritable(path, what, cause));
  const file = await createPrivateFile(path).catch(refuse);
  return {
    write: (bytes) => file.write(bytes).catch(refuse),
    keep: () => file.keep().catch(refuse),
    discard: () => file.discard(),
  };
}

/** The error of a command that cannot write where it was told to: what, where, why, and what to do. */
export function unwritable(path: string, what: string, cause: unknown): AppError {
  if (errorCode(cause) === 'EEXIST') return alreadyThere(path);
  const said = cause instanceof Error ? cause.message : String(cause);
  // What Node adds is its call and the unfinished file's name, which nobody chose.
  const reason = said.replace(/, \w+( '.*)?$/, '');
  return new AppError('forbidden', {
    text: `${what} cannot be written to ${path}: ${reason}`,
    hint: 'name a file in a folder that may be written and has room',
    cause,
  });
}

/** The error of a command that would replace a file. */
export function alreadyThere(path: string): AppError {
  return new AppError('usage', {
    text: `The file ${path} exists already.`,
    hint: 'name a new one',
  });
}
