import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runAuthctl } from '../cli/support/run-program.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { runBeside } from '../support/cli.ts';
import { startCollector } from '../support/collector.ts';
import { hasKafka, startKafka, whyNoKafka } from '../support/kafka.ts';
import { createEmptyDatabase } from '../support/postgres.ts';
import { redisBinary, startRedis, whyNoRedis } from '../support/redis.ts';
import { QUICK_SIGN_IN, signUp } from '../support/sign-in.ts';
import { startSilentServer, startSmtpSink } from '../support/smtp.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';

let node: TestAppliance;
let folder: string;

beforeAll(async () => {
  node = await startAppliance({ env: QUICK_SIGN_IN });
  await signUp(node);
  folder = await mkdtemp('/tmp/authctl-status-');
});
afterAll(async () => {
  await node.stop();
  await rm(folder, { recursive: true });
});

/** Nobody listens there. */
const UNREACHABLE = {
  AUTHCTL_DATABASE_URL: 'postgres://authctl:secret-word@127.0.0.1:1/authctl',
  AUTHCTL_STARTUP_DEADLINE: '1s',
};
const PORTS = { AUTHCTL_PORT: '0', AUTHCTL_MANAGEMENT_PORT: '0' };

describe('status', () => {
  test('--json says what a monitor needs', async () => {
    const { code, stdout } = await runBeside(node, ['status', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      pending_hashes: 1,
      oldest_pending_seconds: expect.any(Number),
      parked_hashes: 0,
      hash_rate: expect.any(Number),
      drain_seconds: null,
      users: 1,
      sessions: 1,
      mail: { queued: 0, dead: 0 },
      sms: { queued: 0, dead: 0 },
      events: { waiting: 0, dead: 0 },
      warnings: [],
      schema: { state: 'current', pending: [] },
      database: { kind: 'external', version: expect.stringMatching(/^\d+/) },
      api: { nodes: 1 },
      worker: { nodes: 0 },
    });
  });

  test('is readable', async () => {
    const { code, stdout, stderr } = await runBeside(node, ['status']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/pending hashes\s+1, oldest .*, no worker drains them/);
  });

  test('says so when it made a new installation because there was none in the folder', async () => {
    const env = { AUTHCTL_DATA_DIR: join(folder, 'elsewhere') };
    const first = await runAuthctl(['status', '--json'], { env });
    expect(JSON.parse(first.stdout)).toMatchObject({ users: 0 });
    expect(first.stderr).toContain('there was no installation in this folder');
    const second = await runAuthctl(['status'], { env });
    expect(second).toMatchObject({ code: 0, stderr: '' });
  });

  test('exits 3 when the database is away, 4 when the schema is not ours, 2 for a bad setting', async () => {
    const empty = await createEmptyDatabase();
    const url = empty.connectionString.replace('@/', '@localhost/');
    const outcomes = await Promise.all(
      [
        UNREACHABLE,
        { AUTHCTL_DATABASE_URL: url, AUTHCTL_DATA_DIR: folder },
        { ...UNREACHABLE, AUTHCTL_PORT: 'eighty' },
      ].map((env) => runAuthctl(['status', '--json'], { env })),
    );
    expect(outcomes.map(({ code }) => code)).toEqual([3, 4, 2]);
    expect(outcomes.map(({ stdout }) => JSON.parse(stdout).error.code)).toEqual([
      'dependency_unreachable',
      'schema_mismatch',
      'config_invalid',
    ]);
    for (const { stdout, stderr } of outcomes) expect(stdout + stderr).not.toContain('secret-word');
    const plain = await runAuthctl(['status'], { env: UNREACHABLE });
    expect(plain).toMatchObject({ code: 3, stdout: '' });
    expect(plain.stderr).toContain('hint: check AUTHCTL_DATABASE_URL');
    await empty.drop();
  });
});

describe('doctor', () => {
  interface Check {
    check: string;
    state: string;
    detail: string;
    hint?: string;
  }
  async function examine(env: Record<string, string>) {
    const ended = await runBeside(node, ['doctor', '--json'], {
      env: { AUTHCTL_DATA_DIR: join(folder, 'data'), ...PORTS, ...env },
    });
    const { healthy, checks } = JSON.parse(ended.stdout) as { healthy: boolean; checks: Check[] };
    const states = Object.fromEntries(checks.map(({ check, state }) => [check, state]));
    const find = (name: string) => checks.find(({ check }) => check === name)!;
    return { code: ended.code, healthy, states, find };
  }

  test('says so where no data folder can be made', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const env = { AUTHCTL_DATA_DIR: join(file, 'data') };
    const ended = await runAuthctl(['doctor'], { env });
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain(`${join(file, 'data')} does not exist, and cannot be made in`);
  });

  test('finds a good installation good, and measures both Argon2 engines', async () => {
    const smtp = await startSmtpSink();
    const { code, healthy, states, find } = await examine({
      AUTHCTL_SMTP_URL: `smtp://127.0.0.1:${smtp.port}?tls=off`,
    });
    await smtp.close();
    expect({ code, healthy }).toEqual({ code: 0, healthy: true });
    expect(Object.entries(states).filter(([, state]) => state !== 'ok')).toEqual([]);
    expect(find('hashing').detail).toMatch(/node-rs \d+\/s, argon2 \d+\/s/);
    expect(find('clock').detail).toMatch(/^\d+ ms /);
  });

  test('sends a collector nothing of each signal to see whether it takes it', async () => {
    const collector = await startCollector();
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=secret',
    };
    const taken = await examine(env);
    const all = await examine({
      ...env,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
    });
    collector.treat(401);
    const refused = await examine(env);
    await collector.close();
    const away = await examine(env);
    expect(taken.find('collector').detail).toMatch(/takes traces$/);
    expect(all.find('collector').detail).toMatch(/takes traces, metrics, logs$/);
    expect(new Set(collector.exports.map(({ path }) => path))).toEqual(
      new Set(['/v1/traces', '/v1/metrics', '/v1/logs']),
    );
    expect(collector.exports[0]).toMatchObject({
      path: '/v1/traces',
      headers: { 'x-key': 'secret' },
    });
    expect(refused.find('collector')).toMatchObject({
      state: 'warn',
      detail: expect.stringContaining('HTTP 401'),
    });
    expect(away.find('collector')).toMatchObject({
      state: 'warn',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
    expect(away.code).toBe(0);
  });

  test.skipIf(!hasKafka)(
    `asks Kafka as the worker would, and never shows the password (else: ${whyNoKafka})`,
    async () => {
      const cluster = await startKafka();
      const brokers = cluster.brokers.join();
      const there = await examine({ AUTHCTL_KAFKA_BROKERS: brokers });
      await cluster.stop();
      const away = await examine({
        AUTHCTL_KAFKA_BROKERS: brokers,
        AUTHCTL_KAFKA_USERNAME: 'authctl',
        AUTHCTL_KAFKA_PASSWORD: 'canary-password',
      });
      expect(there.find('kafka')).toMatchObject({ state: 'ok' });
      expect(away.find('kafka')).toMatchObject({
        state: 'fail',
        detail: expect.stringContaining('ECONNREFUSED'),
        hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
      });
      expect(JSON.stringify(away.find('kafka'))).not.toContain('canary');
      expect(away.code).toBe(1);
    },
  );

  test.skipIf(!redisBinary)(
    `asks Valkey as the limits would, and never shows the password (else: ${whyNoRedis})`,
    async () => {
      const server = await startRedis();
      const there = await examine({ AUTHCTL_VALKEY_URL: server.url });
      const user = server.url.replace('//', '//stranger:canary-password@');
      const stranger = await examine({ AUTHCTL_VALKEY_URL: user });
      await server.stop();
      const away = await examine({ AUTHCTL_VALKEY_URL: user });
      expect(there.find('valkey')).toMatchObject({ state: 'ok' });
      expect(there.code).toBe(0);
      expect(stranger.find('valkey')).toMatchObject({
        state: 'fail',
        detail: expect.stringContaining('WRONGPASS'),
      });
      expect(away.find('valkey')).toMatchObject({
        state: 'fail',
        detail: 'each process counts the limits alone: ECONNREFUSED',
        hint: expect.stringContaining('AUTHCTL_VALKEY_URL'),
      });
      expect(away.code).toBe(1);
      for (const { find } of [stranger, away])
        expect(JSON.stringify(find('valkey'))).not.toContain('canary');
    },
  );

  test('connects to the host of a webhook, and sends it nothing', async () => {
    const receiver = await startWebhookReceiver();
    const there = await examine({ AUTHCTL_WEBHOOK_URL: receiver.url });
    const tls = receiver.url.replace('http:', 'https:');
    const other = await examine({ AUTHCTL_WEBHOOK_URL: tls });
    await receiver.close();
    const away = await examine({ AUTHCTL_WEBHOOK_URL: `${receiver.url}?key=canary` });
    expect(receiver.connections()).toBe(2);
    expect(receiver.received).toEqual([]);
    expect(there.find('webhook')).toMatchObject({ state: 'ok' });
    expect(there.code).toBe(0);
    // What answers there does not speak TLS.
    expect(other.find('webhook')).toMatchObject({ state: 'fail' });
    expect(away.find('webhook')).toMatchObject({
      state: 'fail',
      detail: 'events do not reach its host: ECONNREFUSED',
      hint: expect.stringContaining('AUTHCTL_WEBHOOK_URL'),
    });
    expect(JSON.stringify(away.find('webhook'))).not.toContain('canary');
    expect(away.code).toBe(1);
  });

  test('says how long mails and events have been waiting, why, and who should send them', async () => {
    await node.sql(
      `INSERT INTO mails (id, channel, kind, recipient, message_id, attempts, last_error, created_at,
                          next_attempt_at)
       SELECT gen_random_uuid(), channel, 'signed_in', recipient, '<1@example.com>', 6, 'ECONNREFUSED',
              now() - interval '2 hours', now() + interval '1 hour'
       FROM (VALUES ('mail', 'ada@open.example'), ('sms', '+491701234567')) AS owner (channel, recipient)`,
    );
    await node.sql(
      `INSERT INTO events (id, type, payload, created_at)
       VALUES (gen_random_uuid(), 'user.verified', '{}', now() - interval '6 minutes')`,
    );
    const withoutWorker = await examine({ AUTHCTL_EVENTS_STDOUT: 'on' });
    await node.sql(
      `INSERT INTO nodes (id, kind, host, pid, version, started_at, seen_at)
       VALUES (gen_random_uuid(), 'worker', 'other', 1, '0', now(), now() + interval '1 minute')`,
    );
    const withWorker = await examine({});
    const status = await runBeside(node, ['status']);
    await node.sql('TRUNCATE mails, events');
    await node.sql(`DELETE FROM nodes WHERE host = 'other'`);

    expect(withoutWorker.find('waiting mails')).toEqual({
      check: 'waiting mails',
      state: 'warn',
      detail: 'waiting mails: 1, the oldest for 120 minutes, tried 6 times, last: ECONNREFUSED',
      hint: expect.stringContaining('start authctl worker'),
    });
    expect(withoutWorker.find('waiting events')).toMatchObject({
      state: 'warn',
      detail: 'waiting events: 1, the oldest for 6 minutes, not tried yet',
      hint: expect.stringContaining('start authctl worker'),
    });
    expect(withWorker.find('waiting mails').hint).toContain('check smtp.url');
    expect(withWorker.find('waiting text messages')).toMatchObject({
      state: 'warn',
      detail: expect.stringContaining('waiting text messages: 1, the oldest for 120 minutes'),
      hint: expect.stringContaining('set sms.url'),
    });
    expect(withWorker.find('waiting events').hint).toContain('no sink is set');
    // A warning, no failure: the installation serves.
    expect(withoutWorker.code).toBe(0);
    expect(status.stdout).toMatch(/\nmail\s+1 queued, oldest \w+, 0 dead\n/);
    expect(status.stdout).toMatch(/\ntext messages\s+1 queued, oldest 2h, 0 dead\n/);
    expect(status.stderr).toMatch(
      /warning: waiting events: 1.*\n.*warning: waiting mails: 1.*\n.*warning: waiting text/,
    );
  });

  test('names everything that is wrong at once, each with what to do', async () => {
    const occupied = createServer().listen(0, '127.0.0.1');
    await once(occupied, 'listening');
    const { port } = occupied.address() as { port: number };
    const silent = await startSilentServer();
    await node.sql('UPDATE domains SET status = $1', ['pending']);
    const { code, healthy, states, find } = await examine({
      AUTHCTL_MASTER_KEY: '0123456789abcdeffedcba9876543210'.repeat(2),
      AUTHCTL_PORT: String(port),
      AUTHCTL_SMTP_URL: `smtp://127.0.0.1:${silent.port}`,
      AUTHCTL_SMTP_CONNECT_TIMEOUT: '300ms',
    });
    await node.sql('UPDATE domains SET status = $1', ['verified']);
    await silent.close();
    occupied.close();
    expect({ code, healthy }).toEqual({ code: 1, healthy: false });
    expect(states).toMatchObject({
      runtime: 'ok',
      hashing: 'ok',
      connection: 'ok',
      schema: 'ok',
      'public port': 'fail',
      mail: 'fail',
      keys: 'fail',
      domains: 'warn',
    });
    expect(find('keys').hint).toContain('AUTHCTL_MASTER_KEY');
    expect(find('public port').detail).toContain('in use by something else');
  });

  test('of an empty database it says that the schema is missing, and no more', async () => {
    const empty = await createEmptyDatabase();
    const url = empty.connectionString.replace('@/', '@localhost/');
    const { code, states, find } = await examine({ AUTHCTL_DATABASE_URL: url });
    await empty.drop();
    expect(code).toBe(1);
    expect(states).toMatchObject({
      connection: 'ok',
      schema: 'fail',
      keys: 'warn',
      domains: 'warn',
    });
    expect(find('schema').detail).toBe('The database has no schema yet.');
    expect(find('keys').detail).toContain('not checked');
  });

  test('of a database in another encoding it says which is needed', async () => {
    const latin = await createEmptyDatabase("ENCODING 'LATIN1' LOCALE 'C'");
    const url = latin.connectionString.replace('@/', '@localhost/');
    const { code, find } = await examine({ AUTHCTL_DATABASE_URL: url });
    await latin.drop();
    expect(code).toBe(3);
    expect(find('connection')).toMatchObject({
      state: 'fail',
      detail: expect.stringContaining('encoded in LATIN1; UTF8 is needed'),
      hint: expect.stringContaining("ENCODING 'UTF8'"),
    });
  });

  test('exits 3 without a database, and still examines the rest', async () => {
    const { code, states } = await examine({
      ...UNREACHABLE,
      AUTHCTL_PORT: new URL(node.url).port,
    });
    expect(code).toBe(3);
    expect(states).toMatchObject({
      hashing: 'ok',
      connection: 'fail',
      schema: 'warn',
      'public port': 'ok',
    });
  });
});
