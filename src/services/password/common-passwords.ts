import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../lib/package-root.ts';
import { fold } from './fold.ts';

export interface CommonPasswords {
  /** Whether a password is on the list of those tried first; case makes no difference. */
  has(password: string): Promise<boolean>;
}

/**
 * The list of common passwords that ships with the program: about 18,000 entries, 1.5 MB of memory,
 * read when the first password is checked. Its source is in `data/README.md`.
 */
export function createCommonPasswords(): CommonPasswords {
  let list: Promise<ReadonlySet<string>> | undefined;
  return {
    async has(password) {
      list ??= readList();
      return (await list).has(fold(password));
    },
  };
}

async function readList(): Promise<ReadonlySet<string>> {
  const text = await readFile(join(packageRoot(), 'data/common-passwords.txt'), 'utf8');
  return new Set(text.trimEnd().split('\n'));
}
