import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../src/lib/logger.ts';
import { packageRoot } from '../../src/lib/package-root.ts';

const run = promisify(execFile);
const LOGGER = join(packageRoot(), 'src/lib/logger.ts');

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'authctl-log-'));
});
afterAll(() => rm(root, { recursive: true }));
const makeFolder = () => mkdtemp(join(root, 'log-'));

/** Runs a module that logs to a file, in a process of its own. */
function runLogging(file: string, program: string): Promise<{ stdout: string }> {
  const module = `import { createLogger } from ${JSON.stringify(LOGGER)};
    const log = createLogger({ level: 'info', file: ${JSON.stringify(file)} });
    ${program}`;
  const command = `umask 000; exec "$0" --input-type=module-typescript -e "$1"`;
  return run('sh', ['-c', command, process.execPath, module], { timeout: 20_000 });
}

test('a log file is not for everybody, whatever the umask', async () => {
  const file = join(await makeFolder(), 'logs', 'a.log');
  await runLogging(file, `log.info('one'); log.info({ password: 'hunter2' }, 'two');`);
  expect((await stat(file)).mode & 0o777).toBe(0o640);
  expect((await stat(join(file, '..'))).mode & 0o777).toBe(0o750);
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['one', 'two']);
  expect(lines.join()).not.toContain('hunter2');
});

test('nothing secret reaches a line, in whatever object it is', async () => {
  const file = join(await makeFolder(), 'a.log');
  const fields = [
    'password',
    'password_confirmation',
    'current_password',
    'new_password',
    'recovery_code',
    'flow_token',
    'refresh_token',
    'access_token',
    'secret',
    'authorization',
    'cookie',
  ];
  await runLogging(
    file,
    `const secrets = Object.fromEntries(${JSON.stringify(fields)}.map((name) => [name, 'canary']));
     log.info(secrets); log.info({ body: secrets }); log.info({ request: { body: secrets } });
     log.child(secrets).info('child');
     log.warn({ err: Object.assign(new Error('refused'), { detail: 'Key (email)=(canary)' }) });`,
  );
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  expect(lines).toHaveLength(5);
  const redacted = Object.fromEntries(fields.map((name) => [name, '[redacted]']));
  expect(JSON.parse(lines[0]!)).toMatchObject(redacted);
  expect(lines.join()).not.toContain('canary');
});

test('a full disk costs lines, not the process, and does not hold up its end', async () => {
  const { stdout } = await runLogging(
    '/dev/full',
    `for (let round = 0; round < 40; round += 1) {
       for (let n = 0; n < 1_000; n += 1) log.info({ filler: 'x'.repeat(100) }, 'line');
       await new Promise((resolve) => setTimeout(resolve, 5));
     }
     process.stdout.write('alive');`,
  );
  expect(stdout).toBe('alive');
});

test('lines that were lost are counted, and told when there is room again', async () => {
  const file = join(await makeFolder(), 'a.log');
  await runLogging(
    file,
    `for (let n = 0; n < 120; n += 1) log.info({ filler: 'x'.repeat(100_000) }, 'line');
     setTimeout(() => {}, 2_000);`,
  );
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  expectNoneMissing(lines, 120);
});

test.each([
  [120, 100_000],
  [150_000, 60],
])('what standard error could not take is counted, too: %i lines', async (count, length) => {
  const program = `import { createLogger } from ${JSON.stringify(LOGGER)};
    const log = createLogger({ level: 'info' });
    for (let n = 0; n < ${count}; n += 1) log.info({ filler: 'x'.repeat(${length}) }, 'line');
    setTimeout(() => {}, 2_000);`;
  const args = ['--input-type=module-typescript', '-e', program];
  const { stderr } = await run(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 });
  expectNoneMissing(stderr.trimEnd().split('\n'), count);
});

/** Every line is there or in the number of those that were lost, of which there are some. */
function expectNoneMissing(text: readonly string[], written: number): void {
  const lines = text.map((line) => JSON.parse(line) as { msg: string; lines?: number });
  const lost = lines.reduce((sum, line) => sum + (line.lines ?? 0), 0);
  expect(lost).toBeGreaterThan(0);
  expect(lines.filter(({ msg }) => msg === 'line')).toHaveLength(written - lost);
}

test('a file that cannot be opened is a matter of the configuration', () => {
  expect(() => createLogger({ level: 'info', file: join(LOGGER, 'a.log') })).toThrow(
    expect.objectContaining({ code: 'config_invalid', hint: expect.stringContaining('log.file') }),
  );
});
