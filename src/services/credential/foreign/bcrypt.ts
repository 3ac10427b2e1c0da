import type { ForeignFormat } from './format.ts';

/** About a second a check; each step more doubles it. */
const MAX_COST = 14;

/** The last characters of salt and digest carry spare bits, which are zero in the canonical spelling. */
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./\dA-Za-z]{21}[.Oeu][./\dA-Za-z]{30}[.CGKOSWaeimquy26]$/;

/**
 * `$2a$`, `$2b$` and `$2y$`. `$2x$` is left out: it marks hashes of a broken implementation.
 *
 * bcrypt reads the first 72 bytes of a password and ignores the rest. So do we while the hash is
 * bcrypt: refusing would lock out owners of longer passwords. The replacement at the first sign-in
 * covers every byte.
 */
export const bcrypt: ForeignFormat = {
  name: 'bcrypt',
  recognises: (text) => text.startsWith('$2'),
  parse(text) {
    const cost = Number(BCRYPT.exec(text)?.[1]);
    if (!(cost >= 4)) return 'malformed';
    if (cost > MAX_COST) return 'too_costly';
    return {
      matches: (password, hasher) =>
        hasher.run(async () => {
          // Loaded when first needed: most installations never import bcrypt.
          const { verify } = await import('@node-rs/bcrypt');
          return verify(password, text);
        }),
    };
  },
};
