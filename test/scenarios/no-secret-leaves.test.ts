import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LOG_LEVELS } from '../support/log-levels.ts';
import { createInstallation, type Installation } from '../support/process.ts';

let installation: Installation;

beforeAll(async () => {
  installation = await createInstallation({
    AUTHCTL_HASH_MODE: 'deferred',
    AUTHCTL_LOG_SAMPLE: '1',
    AUTHCTL_WORKER_NICE: '0',
    AUTHCTL_WORKERS: '2',
  });
  await installation.run('domains', 'add', 'open.example', '--trust', '--verification', 'none');
});
afterAll(() => installation.remove());

const PASSWORD = 'canary horse battery staple';

interface Stored {
  pending: string | null;
  phc: string | null;
  salt: string;
  attempts: number;
}

/** The credential of the address, in whatever state it is. */
async function readStored(email: string): Promise<Stored> {
  const rows = await installation.sql<Stored>(
    `SELECT encode(pending, 'hex') AS pending, phc, encode(salt, 'hex') AS salt, attempts
     FROM credentials JOIN users ON users.id = user_id WHERE email = '${email}'`,
  );
  return rows[0]!;
}

/** Lets no credential become final meanwhile: PostgreSQL then quotes the whole row to the worker. */
async function failHardening(work: () => Promise<void>): Promise<void> {
  await installation.sql(
    'ALTER TABLE credentials ADD CONSTRAINT none_final CHECK (phc IS NULL) NOT VALID',
  );
  try {
    await work();
  } finally {
    await installation.sql('ALTER TABLE credentials DROP CONSTRAINT none_final');
  }
}

test.each(LOG_LEVELS)(
  'at log level %s no password, stored form or token is in what processes write, answer or are called',
  async (level) => {
    const api = await installation.serve('--log-level', level);
    const told: string[] = [];
    const post = async (path: string, body: object, headers: Record<string, string> = {}) => {
      const response = await fetch(api.url + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      told.push(text);
      return JSON.parse(text);
    };
    const ada = { email: `ada-${level}@open.example`, password: PASSWORD };
    const states: Stored[] = [];
    await failHardening(async () => {
      await post('/v1/register', ada, { 'Idempotency-Key': `canary-key-${level}` });
      await eventually(
        'the worker has failed',
        async () => {
          states.push(await readStored(ada.email));
          return states.at(-1)!.attempts > 0;
        },
        30_000,
      );
    });
    const { tokens } = await post('/v1/login', ada);
    await post('/v1/login', { ...ada, password: `${PASSWORD}!` });
    await post('/v1/login', { email: PASSWORD, password: PASSWORD });
    await post('/v1/register', { ...ada, password_confirmation: `${PASSWORD}?` });
    await post('/v1/register', { ...ada, unknown: PASSWORD });
    await post('/v1/token/refresh', { refresh_token: tokens.refresh_token });
    const answers = told.map((text) => text.replaceAll(/"(access|refresh)_token":"[^"]*"/g, ''));
    states.push(await readStored(ada.email));
    expect(states.at(-1)).toMatchObject({ pending: null });

    const hash = (encoding: 'hex' | 'base64') =>
      createHash('sha256').update(PASSWORD).digest(encoding);
    const secrets = [
      PASSWORD,
      hash('hex'),
      hash('base64'),
      'canary-key',
      '$argon2id$',
      tokens.access_token,
      tokens.refresh_token,
      ...states.flatMap(({ pending, phc, salt }) => [pending, phc, salt]),
    ].filter((secret) => secret !== null);
    const metrics = await (await fetch(`${api.managementUrl}/metrics`)).text();
    const title = readFileSync(`/proc/${api.pid}/cmdline`, 'utf8');
    expect(metrics).toContain('registration_batch_rows');
    expect(await api.end('SIGTERM')).toBe(0);
    const log = api.log();
    expect(log.includes('/v1/login')).toBe(['trace', 'debug', 'info'].includes(level));
    expect(log.includes('hardening failed')).toBe(!['error', 'fatal', 'silent'].includes(level));
    for (const [where, text] of Object.entries({ log, metrics, title, answers: answers.join() }))
      for (const secret of secrets)
        expect(`${where}: ${text.includes(secret) ? secret : 'clean'}`).toBe(`${where}: clean`);
  },
  120_000,
);
