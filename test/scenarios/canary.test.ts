import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Collector, startCollector } from '../support/collector.ts';
import { dumpDatabase } from '../support/dump.ts';
import { eventually } from '../support/eventually.ts';
import { LOG_LEVELS } from '../support/log-levels.ts';
import { type MailedAppliance, startMailedAppliance } from '../support/mailbox.ts';
import { findSecrets } from './canary/secrets.ts';
import { type Story, tellStory } from './canary/story.ts';

/** Levels at which the two faults of the story are worth a line. */
const NAMING_FAULTS = new Set(['trace', 'debug', 'info', 'warn', 'error']);
/** Levels at which every request is. */
const NAMING_REQUESTS = new Set(['trace', 'debug', 'info']);

/** Secrets that cannot be mistaken, and everything that is written while they pass. */
describe.each(LOG_LEVELS)('at log level %s', (level) => {
  let appliance: MailedAppliance;
  let folder: string;
  let collector: Collector;
  let story: Story;

  beforeAll(async () => {
    folder = await mkdtemp('/tmp/authctl-canary-');
    collector = await startCollector();
    appliance = await startMailedAppliance({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        AUTHCTL_LOG_LEVEL: level,
        AUTHCTL_LOG_FILE: join(folder, 'log'),
        AUTHCTL_LOG_SAMPLE: '1',
        AUTHCTL_LIMITS: 'on',
        AUTHCTL_PUBLIC_URL: 'http://127.0.0.1:1',
        // A credential in its first form is the most tempting thing to find.
        AUTHCTL_HASH_MODE: 'deferred',
      },
    });
    story = await tellStory(appliance);
  });
  afterAll(async () => {
    await appliance.stop();
    await collector.close();
    await rm(folder, { recursive: true });
  });

  const find = (text: string) => findSecrets(text, story.secrets);

  test('the log holds none', async () => {
    const read = () => readFile(join(folder, 'log'), 'utf8');
    const faults = NAMING_FAULTS.has(level) ? 2 : 0;
    appliance.core.log.flush();
    await eventually('all faults are logged', async () => {
      return (await read()).split('"status":500').length === faults + 1;
    });
    const log = await read();
    expect(log.includes('POST /v1/login')).toBe(NAMING_REQUESTS.has(level));
    expect(find(log)).toEqual([]);
    expect(log).not.toContain(story.account.email);
  });

  test('traces hold none', async () => {
    await collector.find('of the last fault', ({ name, hasFailed }) => {
      return name === 'POST /v1/password/reset' && hasFailed;
    });
    await collector.find('of a mail', ({ name }) => name === 'mail.send');
    await collector.find('of a hash', ({ name }) => name === 'credentials.harden_batch');
    const traces = collector.exports.map(({ body }) => body.toString()).join('\n');
    expect(traces).toContain('POST /v1/login');
    expect(find(traces)).toEqual([]);
    expect(traces).not.toContain(story.account.email);
  });

  test('what the audit says of all that has names like every other field', async () => {
    const keys = await appliance.sql<{ key: string }>(
      'SELECT DISTINCT jsonb_object_keys(detail) AS key FROM audit',
    );
    expect(keys.length).toBeGreaterThan(3);
    expect(keys.filter(({ key }) => !/^[a-z_]+$/.test(key))).toEqual([]);
  });

  test('the database holds none', async () => {
    await appliance.mailsTo(story.account.email);
    const dump = await dumpDatabase(appliance);
    expect(dump['credentials']!.length).toBeGreaterThan(0);
    const found = Object.entries(dump).flatMap(([table, rows]) =>
      find(rows.join('\n')).map((name) => `${name} in ${table}`),
    );
    expect(found).toEqual([]);
  });

  test('metrics hold none', async () => {
    const metrics = await appliance.api.metrics.expose();
    expect(metrics).toContain('POST /v1/login');
    expect(find(metrics)).toEqual([]);
  });

  test('refusals hold none; a field nobody knows is named to who sent it', () => {
    expect(story.refusals.length).toBeGreaterThan(8);
    const text = story.refusals.map(({ headers, body }) => JSON.stringify([[...headers], body]));
    expect(find(text.join('\n'))).toEqual(['name of a field']);
  });

  test('mails hold their code in the body, in no header, and nothing else', async () => {
    const mails = await appliance.mailsTo(story.account.email);
    expect(mails.length).toBeGreaterThan(4);
    const found = new Set<string>();
    for (const { raw } of mails) {
      const [headers = '', ...body] = raw.split('\r\n\r\n');
      expect(find(headers)).toEqual([]);
      for (const name of find(body.join('\n'))) found.add(name);
    }
    expect([...found].sort()).toEqual(['reset code', 'verification code']);
  });
});
