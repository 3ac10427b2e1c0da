import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../../lib/error-code.ts';
import type { OutgoingMail } from './transport.ts';

/** Nothing of another name is ever removed from the folder. */
const NAME = /^\d{8}T\d{6}Z-[a-z_]+-[0-9a-f-]{36}\.eml$/;

/** `20261122T063400Z-verify_email-<id>.eml`: a listing by name is one by time. */
export function emlName({ date, kind, id }: Pick<OutgoingMail, 'date' | 'kind' | 'id'>): string {
  return `${stampOf(date)}-${kind}-${id}.eml`;
}

/** The names of all files in a folder of development mails; none where there is no folder yet. */
export async function listEmlFolder(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    // Made with the first mail.
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Removes development mails from before a time, the oldest first and at most `limit`; several
 * processes may at once.
 * @returns how many went
 */
export async function removeOldEml(dir: string, before: Date, limit: number): Promise<number> {
  const bound = stampOf(before);
  const names = (await listEmlFolder(dir)).filter((name) => NAME.test(name) && name < bound);
  let removed = 0;
  for (const name of names.toSorted((a, b) => (a < b ? -1 : 1)).slice(0, limit))
    if (await remove(join(dir, name))) removed += 1;
  return removed;
}

/** false where another process came first. */
async function remove(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

function stampOf(date: Date): string {
  return date.toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, '');
}
