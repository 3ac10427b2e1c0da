import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../config/index.ts';
import { openStore } from '../../src/app/open-store.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createScope } from '../../src/lib/lifecycle.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { startPgBouncer, whyNoPgBouncer } from '../support/pgbouncer.ts';
import { createTestDatabase } from '../support/postgres.ts';

const log = createLogger({ level: 'silent' });

/** Opens the database behind a URL, as every command does. */
function open(url: string) {
  const scope = createScope(log);
  onTestFinished(() => scope.release());
  return openStore({
    config: loadConfig({ env: { AUTHCTL_DATABASE_URL: url } }),
    scope,
    log,
    clock: systemClock,
    poolSize: 3,
    applicationName: 'test',
  });
}

test('a URL that sets what our settings set is refused, by name', async () => {
  const url = 'postgres://me@127.0.0.1:1/db?statement_timeout=30000';
  await expect(open(url)).rejects.toMatchObject({
    code: 'config_invalid',
    message: 'AUTHCTL_DATABASE_URL must not set statement_timeout.',
  });
});

test.skipIf(whyNoPgBouncer).each([
  ['that knows none of our settings', ''],
  [
    'that forgets them',
    'ignore_startup_parameters = statement_timeout,lock_timeout,idle_in_transaction_session_timeout,options',
  ],
])('a pooler %s is refused at once', async (_, settings) => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const pooler = await startPgBouncer(database.connectionString, settings);
  onTestFinished(() => pooler.stop());
  await expect(open(pooler.url)).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('A connection pooler stands between'),
  });
});
