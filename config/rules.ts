import { findSmtpFault } from '../src/lib/smtp-url.ts';
import type { Config } from './config-types.ts';
import { envName } from './names.ts';
import type { Problem } from './problem.ts';
import type { SettingName } from './schema.ts';

/**
 * OWASP's and ASVS's (appendix C) equal rows for Argon2id with one lane: memory in KiB, passes. What
 * is not at least one of them is too cheap to guess, in every environment.
 */
const HASH_FLOOR = [
  [47_104, 1],
  [19_456, 2],
  [12_288, 3],
  [9_216, 4],
  [7_168, 5],
] as const;

/**
 * Memory times passes that a stored hash may cost to be checked at all (src/crypto/phc.ts; the most of
 * each is in the table of settings): hashes beyond it could be written and never verified, and would
 * lock everybody out.
 */
const HASH_MAX_WORK_KIB = 1_048_576;

/** What no single value shows: settings that contradict each other, and what production refuses. */
export function checkRules(config: Config): Problem[] {
  const rules = [...CONSISTENCY, ...(config.env === 'production' ? PRODUCTION : [])];
  return rules
    .flatMap((rule) => rule(config) ?? [])
    .map((violation) => ({ ...violation, at: envName(violation.setting) }));
}

const DAY_MS = 86_400_000;

/** Threads of the process's pool that hashing must leave to DNS and files. */
const SPARE_THREADS = 4;

/**
 * Hashes run on libuv's threads, whose number is fixed when the process starts: more slots than
 * threads would make name resolution and file access wait behind hashing.
 * @param poolSize `UV_THREADPOOL_SIZE` of this process; undefined skips the check
 */
export function checkThreads(config: Config, poolSize: string | undefined): Problem[] {
  const { slots } = config.hash;
  if (!poolSize || slots + SPARE_THREADS <= Number(poolSize)) return [];
  return [
    {
      setting: 'hash.slots',
      at: envName('hash.slots'),
      what: `${slots} hashes at once are too many for the ${poolSize} threads of this process.`,
      example: `${envName('hash.slots')}=${slots} in the environment, which sizes the threads too`,
    },
  ];
}

/** Values that are allowed but worth one line of warning at start. */
export function findWarnings(config: Config): string[] {
  const warnings: string[] = [];
  if (config.env !== 'production') return warnings;
  if (['trace', 'debug'].includes(config.log.level))
    warnings.push(`log.level is ${config.log.level}: the log will grow fast`);
  const { username, mechanism, tls } = config.kafka;
  if (username !== undefined && mechanism === 'plain' && !tls)
    warnings.push('kafka.mechanism is plain and kafka.tls off: the password crosses in clear');
  if (/@localhost>?$/.test(config.mail.from))
    warnings.push(`mail.from is ${config.mail.from}: other mail servers refuse such a sender`);
  if (config.insecure) warnings.push('insecure is on: passwords may cross the network in clear');
  return warnings;
}

type Violation = Pick<Problem, 'what' | 'example'> & { readonly setting: SettingName };

type Rule = (config: Config) => Violation | undefined;

const SSL_MODE = /[?&]sslmode=([^&#]*)/;
/** What the driver knows; it takes any other for TLS. */
const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

const CONSISTENCY: Rule[] = [
  ({ hash }) => {
    const strong = HASH_FLOOR.some(
      ([kib, passes]) => hash.memoryKib >= kib && hash.passes >= passes,
    );
    if (strong) return undefined;
    return {
      setting: 'hash.memory_kib',
      what: `with hash.passes = ${hash.passes}, ${hash.memoryKib} KiB is below the OWASP minimum.`,
      example: HASH_FLOOR.map(([kib, passes]) => `${kib} with ${passes}`).join(', '),
    };
  },
  ({ hash }) => {
    if (hash.memoryKib * hash.passes <= HASH_MAX_WORK_KIB) return undefined;
    return {
      setting: 'hash.memory_kib',
      what: `with hash.passes = ${hash.passes}, ${hash.memoryKib} KiB is more than a hash may cost to be checked.`,
      example: `at most ${HASH_MAX_WORK_KIB} KiB times passes`,
    };
  },
  ({ host, port, management }) => {
    if (port === 0 || port !== management.port || host !== management.host) return undefined;
    return {
      setting: 'management.port',
      what: `is the port of the public listener, ${port}.`,
      example: String(port === 65_535 ? port - 1 : port + 1),
    };
  },
  ({ access, refresh }) => {
    if (access.ttlMs <= refresh.ttlMs) return undefined;
    return { setting: 'access.ttl', what: 'is longer than refresh.ttl.', example: '15m' };
  },
  ({ access, session }) => {
    // Only refreshing tells that a session is in use, and clients refresh when a token runs out.
    if (session.idleMs === 0 || session.idleMs > access.ttlMs) return undefined;
    return { setting: 'session.idle', what: 'is not longer than access.ttl.', example: '30m' };
  },
  ({ registration, usernames }) => {
    if (registration.identifier === 'email' || usernames !== 'off') return undefined;
    return {
      setting: 'usernames',
      what: `is off, but registration.identifier is ${registration.identifier}.`,
      example: 'usernames: unique',
    };
  },
  ({ login }) => {
    if (login.windowMs <= login.maxWaitMs) return undefined;
    return { setting: 'login.max_wait', what: 'is shorter than login.window.', example: '15m' };
  },
  ({ mail }) => {
    if (mail.hourly <= mail.daily) return undefined;
    return { setting: 'mail.hourly', what: 'is more than mail.daily.', example: '5' };
  },
  ({ database }) => {
    const mode = database.url && SSL_MODE.exec(database.url.reveal())?.[1];
    if (mode === undefined || SSL_MODES.includes(mode)) return undefined;
    return {
      setting: 'database.url',
      what: `has an sslmode other than ${SSL_MODES.join(', ')}.`,
      example: 'postgres://authctl:password@db.internal/authctl?sslmode=verify-full',
    };
  },
  ({ smtp }) => {
    const fault = smtp.url && findSmtpFault(smtp.url.reveal());
    if (fault === undefined) return undefined;
    const example = 'smtp://mail.example.com:587?tls=required';
    return { setting: 'smtp.url', what: `${fault}.`, example };
  },
  ({ valkey }) => {
    // The client throws at what is no number, when the API is already half up.
    const path = valkey.url ? new URL(valkey.url.reveal()).pathname : '';
    if (/^\/?\d{0,9}$/.test(path)) return undefined;
    return {
      setting: 'valkey.url',
      what: 'what follows its host is not the number of a database.',
      example: 'rediss://:password@valkey.internal:6379/0',
    };
  },
  ({ sms, phones }) => {
    if (sms.url === undefined || phones !== 'off') return undefined;
    return { setting: 'sms.url', what: 'is set, but phones is off.', example: 'phones: collect' };
  },
  ({ sms }) => {
    if (sms.hourly <= sms.daily) return undefined;
    return { setting: 'sms.hourly', what: 'is more than sms.daily.', example: '5' };
  },
  ({ ip }) => {
    if (ip.rate <= ip.burst) return undefined;
    return {
      setting: 'ip.burst',
      what: 'is less than ip.rate: one second of it could never be used.',
      example: String(ip.rate * 2),
    };
  },
  ({ ip }) => {
    if (ip.hashRate <= ip.hashBurst) return undefined;
    return {
      setting: 'ip.hash_burst',
      what: 'is less than ip.hash_rate: one second of it could never be used.',
      example: String(ip.hashRate * 2),
    };
  },
  ({ kafka }) => {
    if ((kafka.username === undefined) === (kafka.password === undefined)) return undefined;
    return { setting: 'kafka.username', what: 'belongs with kafka.password; set both or none.' };
  },
  ({ audit }) => {
    // What a slip of the unit (400s for 400d) removes does not come back.
    if (audit.retentionMs === 0 || audit.retentionMs >= DAY_MS) return undefined;
    return { setting: 'audit.retention', what: 'is less than a day.', example: '400d' };
  },
  ({ masterKey, masterKeyNext }) => {
    if (masterKeyNext === undefined || masterKeyNext.reveal() !== masterKey?.reveal())
      return undefined;
    return { setting: 'master_key_next', what: 'is the same key as master_key.' };
  },
];

const PRODUCTION: Rule[] = [
  ({ publicUrl }) => {
    if (publicUrl !== undefined) return undefined;
    return {
      setting: 'public_url',
      what: 'is needed in production: links in mails start with it.',
      example: 'https://auth.example.com',
    };
  },
  ({ publicUrl, insecure }) => {
    if (insecure || !publicUrl?.startsWith('http:')) return undefined;
    return {
      setting: 'public_url',
      what: 'is not https, which production only accepts with insecure (--insecure).',
      example: publicUrl.replace('http:', 'https:'),
    };
  },
  ({ masterKey }) => {
    if (masterKey !== undefined) return undefined;
    return {
      setting: 'master_key',
      what: 'is needed in production: a generated key beside the data is lost or stolen with it.',
      example: 'AUTHCTL_MASTER_KEY_FILE=/run/secrets/authctl-master-key',
    };
  },
  ({ smtp }) => {
    if (smtp.url !== undefined) return undefined;
    return {
      setting: 'smtp.url',
      what: 'is needed in production: codes are sent by mail.',
      example: 'smtps://user:password@mail.example.com:465',
    };
  },
  ({ limits }) => {
    if (limits === 'on') return undefined;
    return { setting: 'limits', what: 'cannot be off in production.', example: 'on' };
  },
];
