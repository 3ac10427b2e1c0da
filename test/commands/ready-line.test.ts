import { afterEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createInstallation, type Installation } from '../support/process.ts';

let installation: Installation | undefined;

afterEach(() => installation?.remove());

test('serve and worker, with --json: one line each when they are ready, and no other', async () => {
  installation = await createInstallation({ AUTHCTL_WORKER_MANAGEMENT: 'on' });
  const { dataDir } = installation;
  const api = installation.start('serve', '--no-worker', '--json');
  await eventually('it serves', async () => api.output().includes('\n'), 30_000);
  const served = JSON.parse(api.output());
  expect(served).toEqual({
    url: expect.stringMatching(/^http:/),
    management_url: expect.stringMatching(/^http:/),
    data_dir: dataDir,
    pid: api.pid,
  });
  expect((await fetch(`${served.url}/health`)).status).toBe(200);
  expect((await fetch(`${served.management_url}/health/ready`)).status).toBe(200);

  const worker = installation.start('worker', '--json');
  await eventually('it works', async () => worker.output().includes('\n'), 30_000);
  const working = JSON.parse(worker.output());
  expect(working).toEqual({
    management_url: expect.stringMatching(/^http:/),
    data_dir: dataDir,
    pid: worker.pid,
  });
  expect((await fetch(`${working.management_url}/health/live`)).status).toBe(200);

  expect(await worker.end('SIGTERM')).toBe(0);
  expect(await api.end('SIGTERM')).toBe(0);
  for (const { output } of [api, worker]) expect(output().split('\n')).toHaveLength(2);
}, 90_000);
