import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Flags } from '@oclif/core';
import { AppError } from '../errors.ts';
import { unreadableFile } from './unreadable-file.ts';

/** Where a command takes a password from. Never an argument: every user of the machine could read it. */
export const passwordFlags = {
  'password-file': Flags.string({
    summary: 'Read the password from this file; without it one is drawn and shown once.',
    helpValue: '<path>',
    exclusive: ['password-stdin'],
  }),
  'password-stdin': Flags.boolean({
    summary: 'Read the password from standard input.',
    default: false,
  }),
};

/**
 * Reads the password that the flags point to, without its last line break.
 * @returns undefined where none is given
 * @throws AppError `usage` for a file that cannot be read, or an empty password
 */
export async function readPassword(flags: {
  'password-file'?: string | undefined;
  'password-stdin': boolean;
}): Promise<string | undefined> {
  const path = flags['password-file'];
  if (path === undefined && !flags['password-stdin']) return undefined;
  const raw = path === undefined ? await text(process.stdin) : await readPasswordFile(path);
  const password = raw.replace(/\r?\n$/, '');
  if (password !== '') return password;
  throw new AppError('usage', {
    text: 'The password is empty.',
    hint: 'without --password-file and --password-stdin one is drawn',
  });
}

async function readPasswordFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw unreadableFile(
      path,
      cause,
      'name a file that holds the password, or use --password-stdin',
    );
  }
}
