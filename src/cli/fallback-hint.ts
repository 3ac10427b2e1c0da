import type { ErrorCode } from '../errors.ts';

const ANOTHER_PASSWORD = 'choose another one, or give none: one is drawn and shown once';

/** What helps with a code whoever threw it. */
const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  password_too_weak: ANOTHER_PASSWORD,
  password_breached: ANOTHER_PASSWORD,
  password_reused: ANOTHER_PASSWORD,
  overloaded: 'try again in a moment; authctl status shows what keeps it busy',
  unavailable: 'try again in a moment; authctl doctor shows what is away',
};

/**
 * What to type where an error has no hint of its own: services that also answer over HTTP know no
 * commands.
 * @param command what was typed after the program's name
 */
export function fallbackHint(code: ErrorCode, command: string): string {
  return HINTS[code] ?? `authctl ${command} --help`;
}
