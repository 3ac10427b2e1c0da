import { AppError } from '../errors.ts';
import { errorCode } from '../lib/error-code.ts';

/** What the system says of a file that cannot be opened, for people. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'may not be read by you',
  EISDIR: 'is a folder',
};

/** The error of a command that was given a file it cannot read: which, why, and what to do instead. */
export function unreadableFile(path: string, cause: unknown, hint: string): AppError {
  const reason = REASONS[errorCode(cause) ?? ''] ?? 'cannot be read';
  return new AppError('usage', { text: `The file ${path} ${reason}.`, hint, cause });
}
