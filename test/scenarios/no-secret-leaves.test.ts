import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createInstallation, type Installation } from '../support/process.ts';

let installation: Installation;

beforeEach(async () => {
  installation = await createInstallation({
    AUTHCTL_HASH_MODE: 'deferred',
    AUTHCTL_WORKER_NICE: '0',
  });
});
afterEach(() => installation.remove());

const PASSWORD = 'canary horse battery staple';

interface Stored {
  pending: string | null;
  phc: string | null;
  salt: string;
}

test('no password, stored form or token is in the log, the metrics, an answer or a process title', async () => {
  const api = await installation.serve('--log-level', 'trace');
  await installation.run('domains', 'add', 'open.example', '--trust', '--verification', 'none');
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
  const ada = { email: 'ada@open.example', password: PASSWORD };
  await post('/v1/register', ada, { 'Idempotency-Key': 'canary-key' });
  const stored = () =>
    installation.sql<Stored>(
      `SELECT encode(pending, 'hex') AS pending, phc, encode(salt, 'hex') AS salt FROM credentials`,
    );
  const states = await stored();
  await eventually(
    'hardened',
    async () => (await stored()).every(({ phc }) => phc !== null),
    30_000,
  );
  states.push(...(await stored()));

  const { tokens } = await post('/v1/login', ada);
  await post('/v1/login', { ...ada, password: `${PASSWORD}!` });
  await post('/v1/login', { email: PASSWORD, password: PASSWORD });
  await post('/v1/register', { ...ada, password_confirmation: `${PASSWORD}?` });
  await post('/v1/register', { ...ada, unknown: PASSWORD });
  await post('/v1/token/refresh', { refresh_token: tokens.refresh_token });
  const answers = told.map((text) => text.replaceAll(/"(access|refresh)_token":"[^"]*"/g, ''));

  const hash = (encoding: 'hex' | 'base64') =>
    createHash('sha256').update(PASSWORD).digest(encoding);
  const secrets = [
    PASSWORD,
    hash('hex'),
    hash('base64'),
    'canary-key',
    tokens.access_token,
    tokens.refresh_token,
    ...states.flatMap(({ pending, phc, salt }) => [pending, phc, salt]),
  ].filter((secret) => secret !== null);
  const metrics = await (await fetch(`${api.managementUrl}/metrics`)).text();
  const title = readFileSync(`/proc/${api.pid}/cmdline`, 'utf8');
  expect(metrics).toContain('registration_batch_rows');
  expect(await api.end('SIGTERM')).toBe(0);
  expect(api.log()).toContain('/v1/login');
  for (const [where, text] of Object.entries({
    log: api.log(),
    metrics,
    title,
    answers: answers.join(),
  }))
    for (const secret of secrets)
      expect(`${where}: ${text.includes(secret) ? secret : 'clean'}`).toBe(`${where}: clean`);
}, 120_000);
