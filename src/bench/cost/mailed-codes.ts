import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import PostalMime from 'postal-mime';

/** Alone on its line: `7KQ4-M2XD`. */
const CODE = /^\s*([0-9A-Z]{4}-[0-9A-Z]{4})\s*$/m;

/** The files of the mails that reset a password, oldest first: without a mail server, mails are files. */
export async function listResetMails(folder: string): Promise<string[]> {
  // The folder is made with the first mail.
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => /-reset_password-.*\.eml$/.test(name)).sort();
}

/** @returns the code mailed to each address, the newest where there are several */
export async function readMailedCodes(folder: string): Promise<Map<string, string>> {
  const codes = new Map<string, string>();
  for (const file of await listResetMails(folder)) {
    const { to, text = '' } = await PostalMime.parse(await readFile(join(folder, file)));
    const [address, code] = [to?.[0]?.address, CODE.exec(text)?.[1]];
    if (address && code) codes.set(address, code);
  }
  return codes;
}
