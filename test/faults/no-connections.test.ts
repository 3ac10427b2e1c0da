import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { joinEmbeddedPostgres } from '../../src/db/embedded/join.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { eventually } from '../support/eventually.ts';
import { createInstallation, type Installation } from '../support/process.ts';

let installation: Installation;

beforeEach(async () => {
  installation = await createInstallation({ AUTHCTL_LOG_LEVEL: 'error' });
});
afterEach(() => installation.remove());

const TOO_MANY = '53300';
const END_THE_OTHERS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE 'authctl%' AND pid <> pg_backend_pid()`;

/** Takes every connection that PostgreSQL has left; returns how to give them back. */
async function takeAll(connectionString: string): Promise<Client[]> {
  const held: Client[] = [];
  for (;;) {
    const client = new Client({ connectionString, application_name: 'hoarder' });
    client.on('error', () => undefined);
    try {
      await client.connect();
      held.push(client);
    } catch (error) {
      expect(error).toMatchObject({ code: TOO_MANY });
      return held;
    }
  }
}

test('no connection left at PostgreSQL: 503 and Retry-After, commands get in, and normal again once there are', async () => {
  const api = await installation.serve('--no-worker');
  await installation.run('domains', 'add', 'open.example', '--trust', '--verification', 'none');
  const register = (name: string) =>
    fetch(`${api.url}/v1/register`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        email: `${name}@open.example`,
        password: 'correct horse battery staple',
      }),
    });
  expect((await register('before')).status).toBe(201);

  const log = createLogger({ level: 'silent' });
  const postgres = await joinEmbeddedPostgres({ dataDir: installation.dataDir, log });
  const held = await takeAll(postgres.connectionString);
  try {
    // Its own connections end, and are taken before it comes back for them.
    let refused = await register('meanwhile');
    await eventually('none is left', async () => {
      await held[0]!.query(END_THE_OTHERS);
      held.push(...(await takeAll(postgres.connectionString)));
      refused = await register('meanwhile');
      return refused.status === 503;
    });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ code: 'unavailable' });
    expect((await fetch(`${api.url}/health`)).status).toBe(503);
    // An operator still gets in, by connections that are kept for commands.
    await installation.run('domains', 'add', 'next.example', '--trust');
    const { domains } = JSON.parse(await installation.run('domains', 'list', '--json'));
    const names = domains.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(['next.example', 'open.example']));
    expect((await register('still')).status).toBe(503);
  } finally {
    await Promise.all(held.map((client) => client.end()));
    await postgres.leave();
  }

  await eventually('it registers again', async () => (await register('after')).status === 201);
  expect((await fetch(`${api.url}/health`)).status).toBe(200);
  expect(await api.end('SIGTERM')).toBe(0);
}, 60_000);
