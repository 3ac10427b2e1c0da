import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../src/lib/package-root.ts';
import { whyNoTool } from '../support/machine-tool.ts';
import { whyNoOathtool } from '../support/oathtool.ts';
import { createInstallation, type Installation, type Serving } from '../support/process.ts';

const whyNot = whyNoTool('jq') ?? whyNoOathtool;
const page = readFileSync(join(packageRoot(), 'docs/getting-started.md'), 'utf8');
const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1]!);
/** Whoever pasted a line that `authctl serve` prints has this account, and its mail lies there. */
const firstLines = (url: string) => `
  curl -sS -o answer ${url}/v1/register -H 'Content-Type: application/json' \\
    -d '{"email":"ada@example.com","password":"correct horse battery staple"}'
  until ls data/mail/*-verify_email-* >/dev/null 2>&1; do sleep 0.1; done`;

let installation: Installation;
let server: Serving;
let folder: string;

beforeAll(async () => {
  if (whyNot) return;
  installation = await createInstallation({ AUTHCTL_LIMITS: 'on', AUTHCTL_LOG_LEVEL: 'error' });
  server = await installation.serve();
  folder = await mkdtemp(join(tmpdir(), 'authctl-page-'));
  await symlink(installation.dataDir, join(folder, 'data'));
});
afterAll(async () => {
  if (whyNot) return;
  await installation.remove();
  await rm(folder, { recursive: true });
});

test.skipIf(whyNot)(
  'every line of the page works, pasted into one terminal in its order',
  async () => {
    const script = blocks.join('\n').replace('http://127.0.0.1:8080', server.url);
    expect(script).toContain(server.url);
    const said = await runBash(`${firstLines(server.url)}\n${script}`);
    expect(said).toMatchObject({ code: 0, stderr: '' });
    // A refusal is a problem document, which has a code.
    expect(said.stdout).not.toContain('"code":');
    const statuses = [...said.stdout.matchAll(/^"(\w+)"$/gm)].map((match) => match[1]);
    expect(statuses).toEqual(['authenticated', 'authenticated']);
    expect(said.stdout).toContain('"recovery_codes":[');
    expect(said.stdout).toContain('"status":"password_reset"');
    expect(said.stdout).toContain('"two_factor_enabled":false');
    expect(said.stdout).toContain('"countess@example.com"\n["audit","known_networks","mails"');
    expect(said.stdout).toContain('"sessions":[{');
  },
  120_000,
);

async function runBash(script: string) {
  const { PATH = '' } = process.env;
  const bash = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: folder,
    env: { PATH, HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  bash.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  bash.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(bash, 'close');
  return { code, stdout, stderr };
}
