import { among } from '../list-items.ts';
import { choice, duration, httpUrl, integer, list, type Setting } from '../setting.ts';

/** Which passwords are good enough. */
export const passwords = {
  'password.min_length': integer({
    about: 'Shortest password, in code points.',
    default: 8,
    min: 8,
    max: 64,
  }),
  'password.require': list({
    about: 'Kinds of character a password must contain.',
    expects: 'a list of lower, upper, digit, symbol',
    item: among(['lower', 'upper', 'digit', 'symbol']),
    without: 'none, as NIST advises',
    example: 'lower,upper,digit',
  }),
  'password.history': integer({
    about: 'Former passwords that may not be used again, the present one included.',
    default: 5,
    min: 0,
    max: 24,
  }),
  'password.breached_url': httpUrl({
    about: 'A range API (k-anonymity) of breached passwords; five hex digits of a SHA-1 leave.',
    without: 'no check',
    example: 'https://api.pwnedpasswords.com/range',
  }),
  'password.breached_timeout': duration({
    about: 'How long the breach check may take.',
    default: '2s',
    min: '100ms',
    max: '10s',
  }),
  'password.breached_failure': choice(['open', 'closed'], {
    about: 'When the breach check fails: accept the password (open) or refuse it (closed).',
    default: 'open',
  }),
} as const satisfies Record<string, Setting>;
