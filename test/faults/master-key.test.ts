import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createInstallation, type Installation } from '../support/process.ts';

let installation: Installation;

beforeEach(async () => {
  installation = await createInstallation({ AUTHCTL_LOG_LEVEL: 'error' });
});
afterEach(() => installation.remove());

/** Everything that a start could have changed. */
const contents = () =>
  installation.sql(
    `SELECT (SELECT count(*) FROM keys) AS keys, (SELECT max(xmin::text::bigint) FROM keys) AS key_change,
            (SELECT row_to_json(instance)::text FROM instance) AS instance,
            (SELECT count(*) FROM audit) AS audit, (SELECT count(*) FROM domains) AS domains`,
  );

test('a master key that is missing, broken or another one: no start, nothing written, and a hint', async () => {
  const first = await installation.serve('--no-worker');
  const email = 'ada@example.com';
  const body = JSON.stringify({ email, password: 'correct horse battery staple' });
  const post = (path: string, url: string) =>
    fetch(url + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  expect((await post('/v1/register', first.url)).status).toBe(202);

  const file = join(installation.dataDir, 'master.key');
  const original = await readFile(file);
  await rm(file);
  // A running process keeps serving with the keys it has loaded.
  expect((await post('/v1/login', first.url)).status).toBe(200);
  expect(await first.end('SIGTERM')).toBe(0);

  const before = await contents();
  for (const key of [null, 'not a key', randomBytes(32).toString('base64')]) {
    if (key !== null) await writeFile(file, key, { mode: 0o600 });
    await expect(installation.serve('--no-worker')).rejects.toThrow(
      /serve ended with 2: error: .*master/is,
    );
    await rm(file, { force: true });
  }
  expect(await contents()).toEqual(before);

  await writeFile(file, original, { mode: 0o600 });
  const again = await installation.serve('--no-worker');
  expect((await post('/v1/login', again.url)).status).toBe(200);
  expect(await again.end('SIGTERM')).toBe(0);
}, 120_000);
