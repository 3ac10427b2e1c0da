import { choice, duration, integer, type Setting } from '../setting.ts';

/** How often anything may be tried. */
export const limits = {
  limits: choice(['on', 'off'], {
    about:
      'Rate limits and mail budgets; off (never in production) leaves only the tries per code.',
    default: 'on',
  }),
  'ip.rate': integer({
    about: 'Requests of one client network.',
    default: 50,
    min: 1,
    max: 1_000_000,
    unit: 'a second',
  }),
  'ip.burst': integer({
    about: 'Requests a client network may make at once after a quiet time.',
    default: 100,
    min: 1,
    max: 1_000_000,
  }),
  'ip.hash_rate': integer({
    about: 'Requests of one client network to routes that hash a password.',
    default: 5,
    min: 1,
    max: 1_000_000,
    unit: 'a second',
  }),
  'ip.hash_burst': integer({
    about: 'The same, at once after a quiet time.',
    default: 20,
    min: 1,
    max: 1_000_000,
  }),
  'login.tries': integer({
    about: 'Failed logins of one address from one network before it must wait.',
    default: 5,
    min: 2,
    max: 1_000,
  }),
  'login.window': duration({
    about: 'The time in which those tries count, and the first wait.',
    default: '5m',
    min: '1s',
    max: '24h',
  }),
  'login.max_wait': duration({
    about: 'The longest block; it doubles each time the tries are used up again, up to here.',
    default: '15m',
    min: '1s',
    max: '24h',
  }),
  'login.email_budget': integer({
    about: 'Failed logins of one address from all unknown networks together.',
    default: 50,
    min: 1,
    max: 100_000,
    unit: 'an hour',
  }),
  'login.known_network_ttl': duration({
    about: 'A network with a successful login this recent is outside that budget.',
    default: '90d',
    min: '1m',
    max: '400d',
  }),
  'flow.tries': integer({
    about: 'Requests with one flow token.',
    default: 5,
    min: 1,
    max: 1_000,
  }),
  'flow.window': duration({
    about: 'The time in which those requests count.',
    default: '5m',
    min: '1s',
    max: '24h',
  }),
  'factor.tries': integer({
    about: 'Failed second factors and re-authentications of one user.',
    default: 5,
    min: 1,
    max: 1_000,
  }),
  'factor.window': duration({
    about: 'The time in which those failures count.',
    default: '30m',
    min: '1s',
    max: '24h',
  }),
} as const satisfies Record<string, Setting>;
