import { key } from '../secret-setting.ts';
import { duration, integer, type Setting, text } from '../setting.ts';

/** Keys, tokens and sessions. */
export const keys = {
  master_key: key({
    about: 'Wraps every other key; keep a copy apart from the database backups.',
    without: 'made at the first start, in the data folder',
    example: 'the output of: openssl rand -base64 32',
  }),
  master_key_next: key({
    about: 'The master key to change to; data keys are wrapped with it at the next start.',
    without: 'no change of master key under way',
    example: 'the output of: openssl rand -base64 32',
  }),
  issuer: text({
    about: 'The iss claim of access tokens.',
    expects: 'a URI',
    form: /^[a-z][a-z\d+.-]*:[\x21-\x7e]{1,250}$/i,
    without: 'urn:authctl:<instance id>',
    example: 'https://auth.example.com',
  }),
  audience: text({
    about: 'The aud claim of access tokens.',
    without: 'no such claim',
    example: 'https://api.example.com',
  }),
  'access.ttl': duration({
    about: 'Lifetime of an access token.',
    default: '15m',
    min: '1s',
    max: '24h',
  }),
  'refresh.ttl': duration({
    about: 'Lifetime of a session, counted from the login; refreshing does not extend it.',
    default: '30d',
    min: '1s',
    max: '400d',
  }),
  'refresh.grace': duration({
    about: 'A retry with the refresh token just used gets the same successor for this long.',
    default: '30s',
    min: '0s',
    max: '30s',
  }),
  'refresh.rate': integer({
    about: 'Refreshes of one session.',
    default: 10,
    min: 1,
    max: 10_000,
    unit: 'a minute',
  }),
  'session.idle': duration({
    about: 'A session that is not refreshed for this long ends before its refresh.ttl; 0s: never.',
    default: '0s',
    min: '0s',
    max: '400d',
  }),
  'session.cache': duration({
    about: 'How long a session read from the database is trusted; bounds how late a revocation is.',
    default: '500ms',
    min: '0ms',
    max: '500ms',
  }),
} as const satisfies Record<string, Setting>;
