import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import PostalMime from 'postal-mime';
import { listEmlFolder } from './eml-files.ts';

/** A development mail, read back from its file. */
export interface StoredMessage {
  readonly file: string;
  readonly subject: string;
  readonly text: string;
}

/** Reads the mail that was written to a file of `dir` under this id; null where there is none. */
export async function readEml(dir: string, id: string): Promise<StoredMessage | null> {
  const name = (await listEmlFolder(dir)).find((file) => file.endsWith(`-${id}.eml`));
  if (!name) return null;
  const file = join(dir, name);
  const { subject = '', text = '' } = await PostalMime.parse(await readFile(file));
  return { file, subject, text: text.trim() };
}
