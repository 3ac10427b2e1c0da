import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { packageRoot } from '../../src/lib/package-root.ts';
import { startAppliance } from '../support/appliance.ts';

const page = readFileSync(join(packageRoot(), 'docs/limits.md'), 'utf8');
const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1]!);

/** What the page's line that asks for this path prints, against an appliance that limits as by default. */
async function paste(path: string) {
  const appliance = await startAppliance({ env: { AUTHCTL_LIMITS: 'on' } });
  onTestFinished(() => appliance.stop());
  const line = blocks.find((block) => block.includes(path))!;
  const script = line.replace('http://127.0.0.1:8080', appliance.url);
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script]);
  return stdout;
}

test('guesses of one password are refused from the sixth on, as the page shows', async () => {
  expect((await paste('/v1/login')).trim().split('\n')).toEqual([
    ...['401', '401', '401', '401', '401'],
    '429',
  ]);
});

test('a flood of one client is refused beyond its burst, as the page shows', async () => {
  const counts = [...(await paste('/v1/keys')).matchAll(/(\d+) (\d{3})$/gm)];
  const by = Object.fromEntries(counts.map(([, count, status]) => [status, Number(count)]));
  expect(Object.keys(by)).toEqual(['200', '429']);
  expect(by['200']).toBeGreaterThanOrEqual(100);
  expect(by['200']! + by['429']!).toBe(1_000);
});
