import { CODE_ALPHABET } from './random.ts';

const SYMBOLS = new RegExp(`^[${CODE_ALPHABET}]*$`);

/** Writes a code in groups of four, as people read them out: `ABCD-EFGH`. */
export function groupCode(code: string): string {
  return code.replace(/(.{4})(?=.)/g, '$1-');
}

/**
 * Reads a typed code of `length` symbols: any case, with or without hyphens, blanks around it.
 * @returns the bare code in upper case, or null where it cannot be one
 */
export function readTypedCode(typed: string, length: number): string | null {
  if (typed.length > 4 * length) return null;
  const bare = typed.replace(/^[ \t]+|[ \t]+$|-/g, '');
  // ASCII letters only before folding: `ſ` would become `S`.
  if (bare.length !== length || !/^[0-9A-Za-z]+$/.test(bare)) return null;
  const code = bare.toUpperCase();
  return SYMBOLS.test(code) ? code : null;
}
