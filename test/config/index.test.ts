import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { explainConfig, findWarnings, type Given, loadConfig } from '../../config/index.ts';
import { SETTINGS } from '../../config/schema.ts';
import { formatPhc, MAX_COST, parsePhc } from '../../src/crypto/phc.ts';
import { AppError } from '../../src/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'authctl-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const KEY = Buffer.from(Array.from({ length: 32 }, (_, i) => (i * 97 + 13) & 0xff)).toString(
  'base64',
);

const PRODUCTION = {
  AUTHCTL_ENV: 'production',
  AUTHCTL_PUBLIC_URL: 'https://auth.example.com/',
  AUTHCTL_MASTER_KEY: KEY,
  AUTHCTL_SMTP_URL: 'smtps://user:canary@mail.example.com:465',
  AUTHCTL_MAIL_FROM: 'Example <no-reply@example.com>',
};

function write(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
  return path;
}

function refusal(given: Given): AppError {
  try {
    loadConfig(given);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

/** The settings (or names) at fault. */
function faults(env: Record<string, string>): string[] {
  return (refusal({ env }).fields ?? []).map((field) => field.pointer).sort();
}

describe('precedence', () => {
  const file = write('precedence.yaml', 'hash:\n  mode: sync\nport: 9001\nworkers: 3\n');

  test('a flag wins over the environment, that over the file, that over the default', () => {
    const config = loadConfig({
      env: { AUTHCTL_PORT: '9002', AUTHCTL_WORKERS: '4' },
      flags: { workers: '5' },
      file,
    });
    expect([config.hash.mode, config.port, config.workers, config.host]).toEqual([
      'sync',
      9002,
      5,
      '127.0.0.1',
    ]);
  });

  test('every value says where it came from', () => {
    const report = explainConfig({
      env: { AUTHCTL_PORT: '9002' },
      flags: { insecure: true },
      file,
    });
    const of = (name: string) => report.find((line) => line.name === name);
    expect(of('insecure')).toMatchObject({ value: 'on', source: 'flag', at: '--insecure' });
    expect(of('port')).toMatchObject({ value: '9002', source: 'environment', at: 'AUTHCTL_PORT' });
    expect(of('hash.mode')).toMatchObject({ source: 'file', at: `hash.mode in ${file}` });
    expect(of('host')).toMatchObject({ value: '127.0.0.1', source: 'default', at: null });
  });

  test('an empty value is a missing one and falls through to the next source', () => {
    const config = loadConfig({ env: { AUTHCTL_PORT: '' }, flags: { port: '' }, file });
    expect(config.port).toBe(9001);
  });

  test('AUTHCTL_CONFIG names the file, --config wins over it', () => {
    const other = write('other.yaml', 'port: 9009\n');
    expect(loadConfig({ env: { AUTHCTL_CONFIG: other } }).port).toBe(9009);
    expect(loadConfig({ env: { AUTHCTL_CONFIG: other }, file }).port).toBe(9001);
  });
});

describe('the configuration file', () => {
  test('nested and dotted names mean the same, lists may be YAML lists', () => {
    const nested = write('nested.yaml', 'ip:\n  rate: 7\ntrusted_proxies: [10.0.0.0/8, "::1"]\n');
    const dotted = write('dotted.yaml', 'ip.rate: 7\ntrusted_proxies: 10.0.0.0/8, ::1\n');
    const one = loadConfig({ env: {}, file: nested });
    const two = loadConfig({ env: {}, file: dotted });
    expect(one).toEqual(two);
    expect(two.trustedProxies).toEqual(['10.0.0.0/8', '::1/128']);
  });

  test('words keep the form they were typed in: off is not a boolean, 010 is not 8', () => {
    const file = write('words.yaml', 'limits: off\nregistration.auto_login: yes\nworkers: 010\n');
    const config = loadConfig({ env: {}, file });
    expect([config.limits, config.registration.autoLogin, config.workers]).toEqual([
      'off',
      true,
      10,
    ]);
  });

  test('null is no value, unless it is quoted', () => {
    const file = write('null.yaml', 'data_dir: ~\nproduct: null\nissuer:\naudience: "null"\n');
    const config = loadConfig({ env: {}, file });
    const { dataDir, product, issuer } = loadConfig({ env: {} });
    expect(config).toMatchObject({ dataDir, product, audience: 'null' });
    expect(config.issuer).toBe(issuer);
  });

  test('a missing, malformed or wrongly shaped file is a problem that names it', () => {
    const missing = join(folder, 'missing.yaml');
    expect(refusal({ env: {}, file: missing }).message).toContain(missing);
    const malformed = write('malformed.yaml', 'port: [1\n');
    expect(refusal({ env: {}, file: malformed }).message).toContain(malformed);
    const text = write('text.yaml', 'hello\n');
    expect(refusal({ env: {}, file: text }).message).toContain('plain text');
    const maps = write('maps.yaml', 'domains:\n  - name: example.com\n');
    expect(refusal({ env: {}, file: maps }).message).toContain('domains');
  });

  test('a setting that is written in both forms is a problem, for only one of them can count', () => {
    const file = write('twice.yaml', 'hash.mode: sync\nhash:\n  mode: deferred\n');
    expect(refusal({ env: {}, file }).message).toContain(`hash.mode in ${file}: is given twice`);
  });

  test('an unknown key is a problem with a suggestion', () => {
    const file = write('unknown.yaml', 'hash:\n  mod: sync\n');
    expect(refusal({ env: {}, file }).message).toMatch(/hash\.mod .*Did you mean hash\.mode\?/);
  });
});

describe('problems', () => {
  test('all are reported at once, each with setting, source, reason and example', () => {
    const error = refusal({
      env: { AUTHCTL_PORT: 'eighty', AUTHCTL_ACCESS_TTL: '15', AUTHCTL_PROT: '1' },
      flags: { 'hash-mode': 'fast' },
    });
    expect(error.code).toBe('config_invalid');
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe(
      [
        'The configuration has 4 problems:',
        '  - AUTHCTL_PROT: there is no such setting. Did you mean AUTHCTL_PORT?',
        '  - port (AUTHCTL_PORT): "eighty" is not a whole number from 0 to 65535.',
        '    example: 8080',
        '  - access.ttl (AUTHCTL_ACCESS_TTL): "15" is not a duration from 1s to 24h.',
        '    example: 15m',
        '  - hash.mode (--hash-mode): "fast" is not one of adaptive, sync, deferred.',
        '    example: adaptive',
      ].join('\n'),
    );
  });

  test('variables of other programs are nobody’s business', () => {
    expect(() =>
      loadConfig({ env: { PATH: '/bin', AUTHCTL_AC_BASH_SETUP_PATH: '/x' } }),
    ).not.toThrow();
  });

  test('a setting already refused is not blamed a second time by a rule', () => {
    expect(faults({ ...PRODUCTION, AUTHCTL_MASTER_KEY: 'short' })).toEqual(['master_key']);
  });
});

describe('durations', () => {
  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['15m', 900_000],
    ['24h', 86_400_000],
    ['30d', 2_592_000_000],
  ])('%s is %i ms', (text, ms) => {
    const env = { AUTHCTL_REFRESH_TTL: '400d', AUTHCTL_DATABASE_STATEMENT_TIMEOUT: '500ms' };
    const name = ms < 600_000 ? 'AUTHCTL_DATABASE_STATEMENT_TIMEOUT' : 'AUTHCTL_REFRESH_TTL';
    const config = loadConfig({ env: { ...env, [name]: text } });
    const values = [config.database.statementTimeoutMs, config.refresh.ttlMs];
    expect(values).toContain(ms);
  });

  test.each(['', '0s', '12s', '30s'])('refresh.grace takes "%s"', (text) => {
    const { refresh } = loadConfig({ env: { AUTHCTL_REFRESH_GRACE: text } });
    expect(refresh.graceMs).toBe(text === '' ? 30_000 : Number.parseInt(text, 10) * 1_000);
  });

  test('refresh.grace beyond 30 seconds is refused', () => {
    expect(faults({ AUTHCTL_REFRESH_GRACE: '31s' })).toEqual(['refresh.grace']);
  });
});

describe('secrets', () => {
  test('a secret is never in a printed or serialised configuration, nor in a problem', () => {
    const config = loadConfig({ env: PRODUCTION });
    const report = explainConfig({ env: PRODUCTION });
    const printed = `${JSON.stringify(config)}${JSON.stringify(report)}${config.smtp.url}`;
    expect(printed).not.toContain('canary');
    expect(printed).not.toContain(KEY);
    expect(config.smtp.url?.reveal()).toBe(PRODUCTION.AUTHCTL_SMTP_URL);
    expect(report.find((line) => line.name === 'smtp.url')?.value).toBe(
      'smtps://***@mail.example.com:465',
    );
    const error = refusal({
      env: { AUTHCTL_SMTP_URL: 'http://canary', AUTHCTL_MASTER_KEY: 'canary' },
    });
    expect(JSON.stringify([error.message, error.fields])).not.toContain('canary');
  });

  test('of a URL only scheme, host and port are shown: a path or a query may be the secret', () => {
    const shown = (url: string) =>
      explainConfig({ env: { AUTHCTL_WEBHOOK_URL: url } }).find(
        ({ name }) => name === 'webhook.url',
      )?.value;
    expect(shown('https://hooks.example:8443/services/canary')).toBe(
      'https://hooks.example:8443/***',
    );
    expect(shown('https://ada:canary@hooks.example/?key=canary')).toBe(
      'https://***@hooks.example/***',
    );
    expect(shown('https://hooks.example/')).toBe('https://hooks.example');
  });

  test('credentials with a % that is no escape are refused, and not shown', () => {
    for (const name of ['AUTHCTL_SMTP_URL', 'AUTHCTL_WEBHOOK_URL', 'AUTHCTL_DATABASE_URL']) {
      const scheme = { AUTHCTL_SMTP_URL: 'smtp', AUTHCTL_WEBHOOK_URL: 'https' }[name] ?? 'postgres';
      const error = refusal({ env: { [name]: `${scheme}://user:canary%zz@host.example/x` } });
      expect(error.message).toContain(name);
      expect(JSON.stringify([error.message, error.fields])).not.toContain('canary');
      const escaped = { [name]: `${scheme}://user:canary%25zz@host.example/x` };
      expect(() => loadConfig({ env: escaped })).not.toThrow();
    }
  });

  test('a URL that no mail server or Valkey could be reached by is refused before anything starts', () => {
    const noServers = ['smtp://', 'smtp://a:canary@/', 'smtps://h?tls=off'];
    for (const url of [...noServers, 'smtp://a:canary@mail.example?tls=bogus']) {
      const error = refusal({ env: { AUTHCTL_SMTP_URL: url } });
      expect(error.message).toContain('smtp.url (AUTHCTL_SMTP_URL)');
      expect(JSON.stringify([error.message, error.fields])).not.toContain('canary');
    }

    expect(faults({ AUTHCTL_VALKEY_URL: 'redis://valkey.example/first' })).toEqual(['valkey.url']);
    for (const path of ['', '/', '/3'])
      loadConfig({ env: { AUTHCTL_VALKEY_URL: `valkeys://valkey.example${path}` } });
  });

  test('a database URL with an sslmode that does not exist is refused: the driver would take it for TLS', () => {
    const url = 'postgres://a:canary@db.example/x?application_name=y&sslmode=';
    const error = refusal({ env: { AUTHCTL_DATABASE_URL: `${url}verify_full` } });
    expect(error.message).toContain('database.url (AUTHCTL_DATABASE_URL)');
    expect(JSON.stringify([error.message, error.fields])).not.toContain('canary');
    for (const mode of ['disable', 'verify-full&sslrootcert=/ca.pem', 'no-verify'])
      loadConfig({ env: { AUTHCTL_DATABASE_URL: url + mode } });
    loadConfig({ env: { AUTHCTL_DATABASE_URL: 'postgres://a:b@/x?host=/run/postgresql' } });
  });

  test('a secret may come from a file, in every source', () => {
    const path = write('key', `${KEY}\n`);
    const file = write('key.yaml', `master_key_file: ${path}\n`);
    for (const given of [
      { env: { AUTHCTL_MASTER_KEY_FILE: path } },
      { env: {}, flags: { 'master-key-file': path } },
      { env: {}, file },
    ]) {
      expect(loadConfig(given).masterKey?.reveal()).toBe(KEY);
    }
  });

  test('value and file together, a missing, an empty and an open key file are problems', () => {
    const path = write('key-600', KEY);
    const both = { AUTHCTL_MASTER_KEY: KEY, AUTHCTL_MASTER_KEY_FILE: path };
    expect(refusal({ env: both }).message).toContain('keep one of the two');
    const texts = [
      [join(folder, 'no-such-key'), 'cannot be read'],
      [write('key-empty', '\n'), 'is empty'],
      ['/tmp', 'EISDIR'],
      [write('key-644', KEY, 0o644), 'every user of this machine can read'],
    ] as const;
    for (const [file, text] of texts) {
      expect(refusal({ env: { AUTHCTL_MASTER_KEY_FILE: file } }).message).toContain(text);
    }
  });

  test('a configuration file that everybody can read may hold no master key', () => {
    const open = write('open.yaml', `port: 8123\nmaster_key: ${KEY}\n`, 0o644);
    const { message } = refusal({ env: {}, file: open });
    expect(message).toContain('every user of this machine can read');
    expect(message).not.toContain(KEY);
    const closed = write('closed.yaml', `master_key: ${KEY}\n`, 0o640);
    expect(loadConfig({ env: {}, file: closed }).masterKey?.reveal()).toBe(KEY);
    expect(loadConfig({ env: {}, file: write('plain.yaml', 'port: 8123\n', 0o644) }).port).toBe(
      8123,
    );
  });

  test('a weaker source may hold what a stronger one replaces', () => {
    const file = write('weak.yaml', 'master_key: nonsense\n');
    expect(loadConfig({ env: { AUTHCTL_MASTER_KEY: KEY }, file }).masterKey?.reveal()).toBe(KEY);
  });

  test.each([
    ['too short', 'c2hvcnQ='],
    ['zeros', Buffer.alloc(32).toString('base64')],
    ['a repeated word', Buffer.alloc(32, 'secret').toString('hex')],
    ['not base64', '!'.repeat(43)],
  ])('a master key that is %s is refused', (_, text) => {
    expect(faults({ AUTHCTL_MASTER_KEY: text })).toEqual(['master_key']);
  });

  test.each([
    ['a short text', 'x'.repeat(31)],
    ['nothing but what base64 has not', `whsec_${'!'.repeat(40)}`],
    ['fewer bytes than Standard Webhooks asks for', `whsec_${'A'.repeat(31)}`],
  ])('messages are not signed with %s', (_, text) => {
    const env = { AUTHCTL_WEBHOOK_SECRET: text, AUTHCTL_SMS_SECRET: text };
    expect(faults(env)).toEqual(['sms.secret', 'webhook.secret']);
  });

  test.each([['x'.repeat(32)], [`whsec_${Buffer.alloc(24, 7).toString('base64')}`]])(
    'messages may be signed with %s',
    (text) => {
      const { webhook } = loadConfig({ env: { AUTHCTL_WEBHOOK_SECRET: text } });
      expect(webhook.secret?.reveal()).toBe(text);
    },
  );
});

describe('production', () => {
  test('starts with a public URL, a master key, a mail server and limits', () => {
    expect(loadConfig({ env: PRODUCTION }).publicUrl).toBe('https://auth.example.com');
  });

  test('refuses everything that is missing or unsafe at once', () => {
    expect(faults({ AUTHCTL_ENV: 'production', AUTHCTL_LIMITS: 'off' })).toEqual([
      'limits',
      'master_key',
      'public_url',
      'smtp.url',
    ]);
  });

  test('refuses a public URL without TLS unless insecure is on', () => {
    const env = { ...PRODUCTION, AUTHCTL_PUBLIC_URL: 'http://auth.example.com' };
    expect(faults(env)).toEqual(['public_url']);
    const told = loadConfig({ env, flags: { insecure: true } });
    expect(told.insecure).toBe(true);
    expect(findWarnings(told).join()).toContain('insecure is on');
  });

  test('warns of a Kafka password that crosses the network in clear', () => {
    const kafka = {
      AUTHCTL_KAFKA_BROKERS: 'kafka:9092',
      AUTHCTL_KAFKA_USERNAME: 'authctl',
      AUTHCTL_KAFKA_PASSWORD: 'canary',
    };
    const warnings = (env: Record<string, string>) =>
      findWarnings(loadConfig({ env: { ...PRODUCTION, ...kafka, ...env } })).join();
    expect(warnings({ AUTHCTL_KAFKA_MECHANISM: 'plain' })).toContain('kafka.tls');
    expect(warnings({ AUTHCTL_KAFKA_MECHANISM: 'plain', AUTHCTL_KAFKA_TLS: 'on' })).toBe('');
    expect(warnings({})).toBe('');
  });

  test('warns of a sender that no other mail server takes', () => {
    const warnings = (env: Record<string, string>) => findWarnings(loadConfig({ env })).join();
    expect(warnings({ ...PRODUCTION, AUTHCTL_MAIL_FROM: '' })).toContain('mail.from');
    expect(warnings({ ...PRODUCTION, AUTHCTL_MAIL_FROM: 'a@localhost' })).toContain('mail.from');
    expect(warnings(PRODUCTION)).toBe('');
    expect(warnings({})).toBe('');
  });

  test('development needs none of it', () => {
    expect(loadConfig({ env: { AUTHCTL_LIMITS: 'off' } }).limits).toBe('off');
  });
});

describe('rules across settings', () => {
  test('a gateway for text messages without numbers to send them to is a mistake', () => {
    const env = { AUTHCTL_SMS_URL: 'https://sms.example/send' };
    expect(faults(env)).toEqual(['sms.url']);
    loadConfig({ env: { ...env, AUTHCTL_PHONES: 'collect' } });
  });

  test.each([
    [7_168, 5],
    [9_216, 4],
    [12_288, 3],
    [19_456, 2],
    [47_104, 1],
    [65_536, 3],
  ])('%i KiB with %i passes is strong enough', (kib, passes) => {
    const env = { AUTHCTL_HASH_MEMORY_KIB: String(kib), AUTHCTL_HASH_PASSES: String(passes) };
    expect(loadConfig({ env }).hash.memoryKib).toBe(kib);
  });

  test.each([
    [7_168, 4],
    [12_287, 3],
    [19_455, 2],
    [47_103, 1],
  ])('%i KiB with %i passes is below the floor, in development too', (kib, passes) => {
    const env = { AUTHCTL_HASH_MEMORY_KIB: String(kib), AUTHCTL_HASH_PASSES: String(passes) };
    expect(faults(env)).toEqual(['hash.memory_kib']);
  });

  test.each([
    [262_144, 5],
    [65_537, 16],
  ])('%i KiB with %i passes would write hashes that are never checked', (kib, passes) => {
    const env = { AUTHCTL_HASH_MEMORY_KIB: String(kib), AUTHCTL_HASH_PASSES: String(passes) };
    expect(faults(env)).toEqual(['hash.memory_kib']);
  });

  test.each([
    ['hash.memory_kib', { AUTHCTL_HASH_MEMORY_KIB: String(MAX_COST.memoryKib + 1) }],
    ['hash.passes', { AUTHCTL_HASH_PASSES: String(MAX_COST.passes + 1) }],
    ['hash.parallelism', { AUTHCTL_HASH_PARALLELISM: String(MAX_COST.parallelism + 1) }],
  ])('what is printed as the most of %s is the most that a stored hash may have', (name, env) => {
    const { expects } = SETTINGS[name as keyof typeof SETTINGS];
    const most = Number(Object.values(env)[0]) - 1;
    expect(expects).toContain(` to ${most}`);
    expect(faults(env)).toEqual([name]);
  });

  test('the dearest hash that may be configured can be read back', () => {
    const env = { AUTHCTL_HASH_MEMORY_KIB: '262144', AUTHCTL_HASH_PASSES: '4' };
    const { hash } = loadConfig({ env });
    const stored = formatPhc(hash, Buffer.alloc(16), Buffer.alloc(32));
    expect(parsePhc(stored)).not.toBeNull();
  });

  test.each([
    ['management.port', { AUTHCTL_PORT: '9000', AUTHCTL_MANAGEMENT_PORT: '9000' }],
    ['access.ttl', { AUTHCTL_ACCESS_TTL: '2h', AUTHCTL_REFRESH_TTL: '1h' }],
    ['session.idle', { AUTHCTL_SESSION_IDLE: '15m' }],
    ['usernames', { AUTHCTL_REGISTRATION_IDENTIFIER: 'username', AUTHCTL_USERNAMES: 'off' }],
    ['login.max_wait', { AUTHCTL_LOGIN_MAX_WAIT: '1m' }],
    ['mail.hourly', { AUTHCTL_MAIL_HOURLY: '21' }],
    ['audit.retention', { AUTHCTL_AUDIT_RETENTION: '400s' }],
    ['ip.burst', { AUTHCTL_IP_RATE: '200' }],
    ['ip.hash_burst', { AUTHCTL_IP_HASH_RATE: '200' }],
    ['kafka.username', { AUTHCTL_KAFKA_PASSWORD: 'x' }],
    ['master_key_next', { AUTHCTL_MASTER_KEY: KEY, AUTHCTL_MASTER_KEY_NEXT: KEY }],
  ])('%s is checked against its neighbour', (setting, env) => {
    expect(faults(env)).toEqual([setting]);
  });

  test('more hashes at once than threads can carry are refused, where the threads are known', () => {
    const env = { AUTHCTL_HASH_SLOTS: '16', UV_THREADPOOL_SIZE: '10' };
    expect(faults(env)).toEqual(['hash.slots']);
    expect(loadConfig({ env: { ...env, UV_THREADPOOL_SIZE: '22' } }).hash.slots).toBe(16);
    expect(loadConfig({ env: { AUTHCTL_HASH_SLOTS: '16' } }).hash.slots).toBe(16);
  });

  test('two listeners may share a port number on different addresses, or take any free one', () => {
    const env = { AUTHCTL_PORT: '9000', AUTHCTL_MANAGEMENT_PORT: '9000' };
    expect(() => loadConfig({ env: { ...env, AUTHCTL_HOST: '10.0.0.1' } })).not.toThrow();
    const any = { AUTHCTL_PORT: '0', AUTHCTL_MANAGEMENT_PORT: '0' };
    expect(() => loadConfig({ env: any })).not.toThrow();
  });
});

describe('tuning the embedded server', () => {
  const tuned = (text: string) => loadConfig({ env: { AUTHCTL_DATABASE_TUNING: text } });

  test('takes what costs memory or time', () => {
    expect(tuned('shared_buffers=1GB,checkpoint_completion_target=0.9').database.tuning).toEqual([
      'shared_buffers=1GB',
      'checkpoint_completion_target=0.9',
    ]);
    expect(loadConfig({ env: {} }).database.tuning).toEqual([]);
  });

  test.each([
    'fsync=off',
    'full_page_writes=off',
    'synchronous_commit=off',
    'listen_addresses=0.0.0.0',
    'log_statement=all',
    'shared_preload_libraries=x',
    'work_mem',
    'work_mem=1 GB',
    "work_mem='1GB'",
  ])('refuses %s', (text) => {
    expect(() => tuned(text)).toThrow(/database\.tuning/);
  });
});

describe('the loaded configuration', () => {
  test('cannot be changed', () => {
    const config = loadConfig({ env: {} }) as unknown as { hash: { mode: string }; port: number };
    expect(() => {
      config.port = 1;
    }).toThrow(TypeError);
    expect(() => {
      config.hash.mode = 'sync';
    }).toThrow(TypeError);
  });

  test('reads the standard OpenTelemetry variables', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318/',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20key',
      OTEL_SERVICE_NAME: 'sign-in',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    };
    const { otel } = loadConfig({ env });
    expect(otel).toMatchObject({
      endpoint: 'http://127.0.0.1:4318',
      protocol: 'http/json',
      serviceName: 'sign-in',
      sample: 0.25,
    });
    expect(otel.headers?.reveal()).toBe('authorization=Bearer%20key');
  });

  test.each([
    ['otel.sample', { OTEL_TRACES_SAMPLER_ARG: '1.5' }],
    ['otel.sample', { OTEL_TRACES_SAMPLER_ARG: '10%' }],
    ['otel.protocol', { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }],
    ['otel.headers', { OTEL_EXPORTER_OTLP_HEADERS: 'a key without a name' }],
  ])('refuses a wrong %s', (name, env) => {
    expect(faults(env)).toEqual([name]);
  });
});
