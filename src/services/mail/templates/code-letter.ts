import type { Code } from '../kinds.ts';
import type { Brand, Letter } from './letter.ts';

/** The page at the public URL that shows a mailed code again, for the reader to copy. */
export const CODE_PAGE_PATH = '/code';

/** The parts that every mail with a code has. */
export function codeParts({ code, expiresInMinutes }: Code, { publicUrl }: Brand) {
  const unit = expiresInMinutes === 1 ? 'minute' : 'minutes';
  return {
    code,
    validity: `The code works once and expires in ${expiresInMinutes} ${unit}.`,
    ...(publicUrl ? { link: codeLink(publicUrl, code) } : {}),
  };
}

/**
 * The code is in the fragment, which browsers keep to themselves: it is in no server's log and no
 * `Referer`, and a scanner that opens the link uses nothing up.
 */
function codeLink(publicUrl: string, code: string): NonNullable<Letter['link']> {
  return {
    label: 'Show the code in a browser',
    url: `${publicUrl.replace(/\/+$/, '')}${CODE_PAGE_PATH}#${code}`,
  };
}
