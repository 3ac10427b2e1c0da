import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { packageRoot } from '../../src/lib/package-root.ts';
import { createInstallation, type Installation } from '../support/process.ts';

let installation: Installation;
beforeEach(async () => {
  installation = await createInstallation();
});
afterEach(() => installation.remove());

test('whoever reads the log goes away: every request is answered, and the stop is a clean one', async () => {
  const { PATH = '', HOME = '' } = process.env;
  const api = spawn(process.execPath, [join(packageRoot(), 'bin/run.js'), 'serve', '--json'], {
    env: {
      PATH,
      HOME,
      AUTHCTL_DATA_DIR: installation.dataDir,
      AUTHCTL_PORT: '0',
      AUTHCTL_MANAGEMENT_PORT: '0',
      AUTHCTL_LIMITS: 'off',
      AUTHCTL_LOG_LEVEL: 'trace',
      AUTHCTL_LOG_SAMPLE: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void api.kill('SIGKILL'));
  const ended = once(api, 'exit');
  const [line] = await once(createInterface({ input: api.stdout }), 'line');
  const { url } = JSON.parse(line) as { url: string };
  api.stderr.destroy();

  for (let count = 0; count < 200; count += 1)
    expect((await fetch(`${url}/v1/keys`)).status).toBe(200);
  api.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
}, 60_000);
