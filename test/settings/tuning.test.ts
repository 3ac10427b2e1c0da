import { afterEach, expect, test } from 'vitest';
import { createInstallation, type Installation } from '../support/process.ts';

let installation: Installation;
afterEach(() => installation.remove());

test('the embedded server has what it is tuned to, and is as safe as ever', async () => {
  installation = await createInstallation({
    AUTHCTL_DATABASE_TUNING: 'shared_buffers=96MB, work_mem = 8MB,max_wal_size=2GB',
  });
  await installation.serve('--no-worker');
  const shown = await installation.sql<{ name: string; value: string }>(
    `SELECT name, current_setting(name) AS value FROM pg_settings
     WHERE name IN ('shared_buffers', 'work_mem', 'max_wal_size', 'fsync', 'synchronous_commit',
                    'full_page_writes', 'listen_addresses')
     ORDER BY name`,
  );
  expect(Object.fromEntries(shown.map(({ name, value }) => [name, value]))).toEqual({
    fsync: 'on',
    full_page_writes: 'on',
    listen_addresses: '',
    max_wal_size: '2GB',
    shared_buffers: '96MB',
    synchronous_commit: 'on',
    work_mem: '8MB',
  });
});
