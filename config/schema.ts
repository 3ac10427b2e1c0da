/**
 * Every setting, once: its type, default and sentence. The loader, the flags, `config show`,
 * `config/authctl.yaml` and `docs/configuration.md` are all made from this table.
 */
import { availableParallelism } from 'node:os';
import {
  among,
  choice,
  cidr,
  domainName,
  duration,
  fraction,
  hostPort,
  httpUrl,
  integer,
  key,
  list,
  origin,
  path,
  type Setting,
  secret,
  secretHeaders,
  secretUrl,
  size,
  text,
  toggle,
} from './setting.ts';

export const SETTINGS = {
  env: choice(['development', 'production'], {
    about: 'What kind of installation this is; production refuses to start with unsafe settings.',
    default: 'development',
  }),
  data_dir: path({
    about: 'Folder for the embedded database, the generated master key and development mails.',
    default: './data',
    example: '/var/lib/authctl',
  }),
  product: text({
    about: 'The name users see in mails and authenticator apps; passwords may not be built on it.',
    default: 'authctl',
    expects: 'a name of 1 to 64 characters without a colon',
    form: /^[^\p{Cc}:]{1,64}$/u,
    example: 'Example Shop',
  }),

  host: text({
    about: 'Address the public listener binds to.',
    default: '127.0.0.1',
    example: '0.0.0.0',
    expects: 'an address or host name',
    form: /^[\w.:-]{1,253}$/,
  }),
  port: integer({
    about: 'Port of the public listener; 0 takes any free one.',
    default: 8080,
    min: 0,
    max: 65_535,
  }),
  'management.host': text({
    about: 'Address the management listener (health, metrics, admin API) binds to.',
    default: '127.0.0.1',
    expects: 'an address or host name',
    form: /^[\w.:-]{1,253}$/,
  }),
  'management.port': integer({
    about: 'Port of the management listener; 0 takes any free one.',
    default: 8081,
    min: 0,
    max: 65_535,
  }),
  public_url: httpUrl({
    about: 'Where users reach the API; links in mails start with it.',
    without: 'mails carry codes only',
    example: 'https://auth.example.com',
  }),
  insecure: toggle({
    about: 'Accept a public URL without TLS in production.',
    default: false,
    example: 'on',
  }),
  workers: integer({
    about: 'API processes that share the port.',
    default: 1,
    min: 1,
    max: 64,
  }),
  trusted_proxies: list({
    about: 'Networks of the reverse proxies whose X-Forwarded-For is believed.',
    expects: 'a list of addresses or networks in CIDR notation',
    item: cidr,
    without: 'the peer is the client',
    example: '10.0.0.0/8,fd00::/8',
  }),
  'cors.origins': list({
    about: 'Browser origins that may call the API.',
    expects: 'a list of origins: scheme, host and port, no path',
    item: origin,
    without: 'none',
    example: 'https://app.example.com',
  }),
  'http.headers_timeout': duration({
    about: 'How long a client may take to send its headers.',
    default: '10s',
    min: '1s',
    max: '60s',
  }),
  'http.request_timeout': duration({
    about: 'How long a client may take to send a whole request.',
    default: '15s',
    min: '1s',
    max: '5m',
  }),
  'http.max_connections': integer({
    about: 'Connections one process holds open; further ones are closed at once.',
    default: 10_000,
    min: 10,
    max: 1_000_000,
  }),
  'startup.deadline': duration({
    about: 'How long a start waits for the database and other services.',
    default: '60s',
    min: '1s',
    max: '15m',
  }),
  'shutdown.deadline': duration({
    about: 'How long a stop waits for requests and jobs in flight.',
    default: '20s',
    min: '1s',
    max: '10m',
  }),

  'database.url': secretUrl({
    about: 'The PostgreSQL server (15 or newer).',
    protocols: ['postgres', 'postgresql'],
    without: 'an embedded PostgreSQL in the data folder',
    example: 'postgres://authctl:password@db.internal:5432/authctl',
  }),
  'database.pool': integer({
    about: 'Connections of one API process.',
    default: 10,
    min: 2,
    max: 500,
  }),
  'database.worker_pool': integer({
    about: 'Connections of the worker.',
    default: 4,
    min: 2,
    max: 100,
  }),
  'database.statement_timeout': duration({
    about: 'The server cancels a statement that takes longer.',
    default: '10s',
    min: '100ms',
    max: '10m',
  }),
  'valkey.url': secretUrl({
    about: 'A Valkey or Redis server for the limit counters of many nodes.',
    protocols: ['redis', 'rediss', 'valkey', 'valkeys'],
    without: 'counters live in PostgreSQL',
    example: 'rediss://:password@valkey.internal:6379/0',
  }),
  'valkey.timeout': duration({
    about: 'After this long without an answer a local limiter takes over.',
    default: '50ms',
    min: '5ms',
    max: '5s',
  }),

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

  'hash.mode': choice(['adaptive', 'sync', 'deferred'], {
    about: 'Hash before answering (sync), after it (deferred), or after it in a burst (adaptive).',
    default: 'adaptive',
  }),
  'hash.memory_kib': integer({
    about: 'Argon2id memory; with hash.passes never below the OWASP minimum.',
    default: 19_456,
    min: 7_168,
    max: 262_144,
    unit: 'KiB',
  }),
  'hash.passes': integer({
    about: 'Argon2id passes; times hash.memory_kib at most 1048576.',
    default: 2,
    min: 1,
    max: 16,
  }),
  'hash.parallelism': integer({
    about: 'Argon2id lanes.',
    default: 1,
    min: 1,
    max: 16,
  }),
  'hash.engine': choice(['auto', 'node-rs', 'argon2'], {
    about: 'The Argon2 library; auto takes the faster one that loads here.',
    default: 'auto',
  }),
  'hash.slots': integer({
    about: 'Hashes at once on this host, divided among its processes.',
    default: availableParallelism(),
    min: 1,
    max: 256,
    without: 'the number of cores',
    example: '4',
  }),
  'hash.queue': integer({
    about: 'Hashes that may wait for a slot; one more is refused with 503.',
    min: 0,
    max: 100_000,
    without: 'one second of the measured rate',
    example: '100',
  }),
  'hash.nice': integer({
    about:
      'How far hashing steps back for requests that hash nothing, and for other processes (Linux); 0 is an equal share of the CPU.',
    default: 10,
    min: 0,
    max: 19,
  }),
  'hash.backlog_max_age': duration({
    about: 'How long a deferred hash may stay pending; bounds how many are accepted.',
    default: '10m',
    min: '1s',
    max: '24h',
  }),
  'hash.max_tries': integer({
    about: 'Tries at a pending hash before it is parked and its user must reset the password.',
    default: 5,
    min: 1,
    max: 100,
  }),

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
      'No usernames, names for display only, or unique ones that can log in. A unique name is claimed by proving the mailbox, where that is asked for.',
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
    min: 1,
    max: 1_000,
  }),
  'login.window': duration({
    about: 'The time in which those tries count, and the first wait.',
    default: '5m',
    min: '1s',
    max: '24h',
  }),
  'login.max_wait': duration({
    about: 'The longest wait; each further failure doubles it up to here.',
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

  'smtp.url': secretUrl({
    about: 'The mail server.',
    protocols: ['smtp', 'smtps'],
    without: 'mails are written to <data_dir>/mail (development only)',
    example: 'smtps://user:password@mail.example.com:465',
  }),
  'smtp.connect_timeout': duration({
    about: 'How long the mail server may take to accept a connection and greet.',
    default: '5s',
    min: '100ms',
    max: '2m',
  }),
  'smtp.socket_timeout': duration({
    about: 'How long the mail server may be silent.',
    default: '10s',
    min: '100ms',
    max: '10m',
  }),
  'mail.from': text({
    about: 'The sender of all mails.',
    default: 'authctl <no-reply@localhost>',
    expects: 'an address, or a name with an address in angle brackets',
    form: /^(?:[^\p{Cc}<>@]{1,100} <[^\s<>@,;]+@[^\s<>@,;]+>|[^\s<>@,;]+@[^\s<>@,;]+)$/u,
    example: 'Example Shop <no-reply@example.com>',
  }),
  'mail.max_tries': integer({
    about: 'Tries at sending a mail before it is given up.',
    default: 8,
    min: 1,
    max: 50,
  }),
  'mail.concurrency': integer({
    about: 'Mails sent at once.',
    default: 4,
    min: 1,
    max: 50,
  }),
  'mail.hourly': integer({
    about: 'Mails of one type to one mailbox in an hour.',
    default: 5,
    min: 1,
    max: 10_000,
  }),
  'mail.daily': integer({
    about: 'Mails of one type to one mailbox in a day.',
    default: 20,
    min: 1,
    max: 100_000,
  }),

  'kafka.brokers': list({
    about: 'Kafka brokers to publish events to.',
    expects: 'a list of host:port',
    item: hostPort,
    without: 'no Kafka',
    example: 'kafka-1.internal:9092,kafka-2.internal:9092',
  }),
  'kafka.topic': text({
    about: 'The topic for events, keyed by user.',
    default: 'authctl.events',
    expects: 'a topic name',
    form: /^[\w.-]{1,249}$/,
  }),
  'kafka.tls': toggle({
    about: 'Speak TLS to the brokers.',
    default: false,
    example: 'on',
  }),
  'kafka.mechanism': choice(['plain', 'scram-sha-256', 'scram-sha-512'], {
    about: 'How to authenticate, when a user name is set.',
    default: 'scram-sha-512',
  }),
  'kafka.username': text({
    about: 'User name at the brokers.',
    without: 'no authentication',
    example: 'authctl',
  }),
  'kafka.password': secret({
    about: 'Password at the brokers.',
    without: 'no authentication',
    example: 'a long random password',
  }),
  'webhook.url': secretUrl({
    about: 'Where to post events.',
    protocols: ['https', 'http'],
    without: 'no webhook',
    example: 'https://example.com/hooks/authctl',
  }),
  'webhook.secret': secret({
    about: 'Signs the webhook (HMAC-SHA-256).',
    minLength: 32,
    without: 'a key derived from the keys of this installation',
    example: 'the output of: openssl rand -base64 32',
  }),
  'webhook.timeout': duration({
    about: 'How long the receiver may take to answer.',
    default: '10s',
    min: '100ms',
    max: '60s',
  }),
  'events.stdout': toggle({
    about: 'Write events to standard output, one JSON object a line.',
    default: false,
    example: 'on',
  }),
  'events.max_tries': integer({
    about: 'Tries at publishing an event before it is set aside for replay.',
    default: 20,
    min: 1,
    max: 1_000,
  }),
  'events.retention': duration({
    about: 'Published events are kept this long for replay.',
    default: '7d',
    min: '1m',
    max: '400d',
  }),

  'worker.memory_mib': integer({
    about: 'Heap of the worker process.',
    default: 192,
    min: 64,
    max: 65_536,
    unit: 'MiB',
  }),
  'worker.management': toggle({
    about:
      'A worker started alone serves health and metrics on management.host and management.port.',
    default: false,
    example: 'on',
  }),
  'worker.nice': integer({
    about: 'How far the worker steps back for other processes; 0 is an equal share of the CPU.',
    default: 15,
    min: 0,
    max: 19,
  }),
  'sweeper.interval': duration({
    about: 'How often expired rows are removed.',
    default: '60s',
    min: '100ms',
    max: '24h',
  }),
  'sweeper.batch': integer({
    about: 'Rows removed by one statement at most.',
    default: 1_000,
    min: 1,
    max: 100_000,
  }),

  'audit.retention': duration({
    about: 'Audit records are kept this long, at least a day; 0s: for ever.',
    default: '400d',
    min: '0s',
    max: '36500d',
  }),

  'log.level': choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    about: 'The least important line to log.',
    default: 'info',
  }),
  'log.file': path({
    about: 'A file to log to.',
    without: 'standard error',
    example: '/var/log/authctl/authctl.log',
  }),
  'log.max_size': size({
    about: 'A log file that would grow beyond this is set aside and compressed; 0: never.',
    default: '50MB',
    min: '16KB',
    max: '100GB',
  }),
  'log.max_files': integer({
    about: 'Log files set aside that are kept.',
    default: 10,
    min: 1,
    max: 1_000,
  }),
  'log.max_age': duration({
    about: 'Log files set aside are kept this long at most; 0s: for ever.',
    default: '30d',
    min: '0s',
    max: '4000d',
  }),
  'log.sample': integer({
    about:
      'Beyond ten requests a second, log one in this many; failures of ours are always logged.',
    default: 100,
    min: 1,
    max: 1_000_000,
  }),
  'otel.endpoint': httpUrl({
    about: 'OpenTelemetry collector (OTLP over HTTP) for traces.',
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    without: 'no traces',
    example: 'http://127.0.0.1:4318',
  }),
  'otel.protocol': choice(['http/protobuf', 'http/json'], {
    about: 'How traces are encoded.',
    env: 'OTEL_EXPORTER_OTLP_PROTOCOL',
    default: 'http/protobuf',
  }),
  'otel.headers': secretHeaders({
    about: 'Headers that the collector wants, such as a key.',
    env: 'OTEL_EXPORTER_OTLP_HEADERS',
    without: 'none',
    example: 'authorization=Bearer%20key',
  }),
  'otel.service_name': text({
    about: 'The name traces are found under.',
    env: 'OTEL_SERVICE_NAME',
    default: 'authctl',
  }),
  'otel.sample': fraction({
    about: 'Which part of all requests and batches is traced.',
    env: 'OTEL_TRACES_SAMPLER_ARG',
    default: 1,
    example: '0.01',
  }),
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;
