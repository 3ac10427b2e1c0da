import { domainName } from '../list-items.ts';
import { choice, duration, integer, list, type Setting, toggle } from '../setting.ts';

/** Who may register, and how. */
export const registration = {
  'registration.identifier': choice(['email', 'username', 'either'], {
    about: 'What an account is registered with; username means no e-mail and no forgot-password.',
    default: 'email',
  }),
  'registration.auto_login': toggle({
    about: 'Answer a registration that needs no verification with tokens.',
    default: false,
    example: 'on',
  }),
  'registration.batch_size': integer({
    about: 'Registrations written by one statement at most.',
    default: 500,
    min: 1,
    max: 2_000,
  }),
  'registration.queue': integer({
    about: 'Registrations that may wait for a writer; one more is refused with 503.',
    default: 5_000,
    min: 1,
    max: 100_000,
  }),
  'registration.max_wait': duration({
    about: 'A registration that has waited longer for a writer is refused with 503.',
    default: '2s',
    min: '10ms',
    max: '30s',
  }),
  'registration.rate': integer({
    about: 'Registrations from one client network; 0 means no limit of its own.',
    default: 0,
    min: 0,
    max: 100_000,
    unit: 'a minute',
  }),
  'registration.unverified_ttl': duration({
    about: 'Accounts that never proved their mailbox are deleted after this long.',
    default: '7d',
    min: '1m',
    max: '365d',
  }),
  usernames: choice(['off', 'display', 'unique'], {
    about:
      'No usernames, names for display only, or unique ones that can log in; where registration.identifier is not email they are unique in any case. A unique name is claimed by proving the mailbox, where that is asked for.',
    default: 'display',
  }),
  phones: choice(['off', 'collect'], {
    about: 'Whether a phone number (E.164) may be given; it never identifies anyone.',
    default: 'off',
  }),
  domains: list({
    about:
      'E-mail domains this installation serves; production refuses to start while one is unverified.',
    expects: 'a list of domain names',
    item: domainName,
    without: 'those added with authctl domains add; development starts with example.com',
    example: 'example.com,example.org',
  }),
} as const satisfies Record<string, Setting>;
