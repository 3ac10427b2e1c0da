import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { archivePath, tidyArchives } from '../../src/lib/log-archives.ts';
import { packageRoot } from '../../src/lib/package-root.ts';
import { eventually } from '../support/eventually.ts';

const run = promisify(execFile);
const LOG_FILE = join(packageRoot(), 'src/lib/log-file.ts');
const DEADLINE_MS = 90_000;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'authctl-logs-'));
});
afterAll(() => rm(root, { recursive: true }));
const makeFolder = () => mkdtemp(join(root, 'logs-'));

interface WriterOptions {
  readonly maxBytes?: number;
  readonly maxFiles?: number;
  readonly settledAfterMs?: number;
  /** Bursts of ten lines, a few milliseconds apart. */
  readonly bursts?: number;
}

/** A program that writes numbered lines, tells how many it has written and ends by itself. */
function writerProgram(file: string, name: string, options: WriterOptions): string {
  const { maxBytes = 0, maxFiles = 1_000, settledAfterMs = 1_000, bursts = 200 } = options;
  return `import { openSync } from 'node:fs';
    import { createLogFile } from ${JSON.stringify(LOG_FILE)};
    const path = ${JSON.stringify(file)};
    const log = createLogFile({
      path, fd: openSync(path, 'a', 0o640), maxBytes: ${maxBytes}, maxFiles: ${maxFiles}, maxAgeMs: 0,
      maxWaitingBytes: 8_388_608, losses: { dropped() {}, written() {} }, tidyEveryMs: 1_000, settledAfterMs: ${settledAfterMs},
    });
    let n = 0;
    for (let burst = 0; burst < ${bursts}; burst += 1) {
      for (let line = 0; line < 10; line += 1) {
        log.write(JSON.stringify({ by: ${JSON.stringify(name)}, n, filler: 'ü'.repeat(n % 200) }) + '\\n');
        n += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    process.stdout.write(String(n));`;
}

function startWriter(file: string, name: string, options: WriterOptions): ChildProcess {
  const program = writerProgram(file, name, options);
  return spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function endOf(writer: ChildProcess): Promise<number | null> {
  const [code] = await once(writer, 'close');
  return code as number | null;
}

/** All lines of a log file and what was set aside of it, compressed or not. */
async function readAll(folder: string): Promise<{ by: string; n: number }[]> {
  const files = (await readdir(folder)).filter((file) => file.startsWith('a.log'));
  const texts = await Promise.all(
    files.map(async (file) => {
      const bytes = await readFile(join(folder, file));
      return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
    }),
  );
  return texts.flatMap((text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { by: string; n: number }),
  );
}

async function expectEachOnce(folder: string, names: readonly string[], count: number) {
  const lines = await readAll(folder);
  for (const name of names) {
    const numbers = lines.filter(({ by }) => by === name).map(({ n }) => n);
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n));
  }
  expect(lines).toHaveLength(names.length * count);
}

const archivesIn = async (folder: string, end: string) =>
  (await readdir(folder)).filter((file) => /Z(\.gz)?$/.test(file) && file.endsWith(end));

test(
  'several processes, rotations without number: every line is there once, and whole',
  async () => {
    const folder = await makeFolder();
    const file = join(folder, 'a.log');
    const names = ['ada', 'bob', 'cyd', 'dan'];
    const options = { maxBytes: 40_000, bursts: 500 };
    const writers = names.map((name) => startWriter(file, name, options));
    expect(await Promise.all(writers.map(endOf))).toEqual([0, 0, 0, 0]);

    await expectEachOnce(folder, names, 5_000);
    expect((await archivesIn(folder, '')).length).toBeGreaterThan(40);
    expect((await archivesIn(folder, '.gz')).length).toBeGreaterThan(0);
    expect((await readdir(folder)).filter((name) => /rotating|part/.test(name))).toEqual([]);
    for (const name of await readdir(folder))
      expect((await stat(join(folder, name))).mode & 0o777, name).toBe(0o640);
  },
  DEADLINE_MS,
);

test(
  'a process that slept while its file was compressed and removed loses nothing',
  async () => {
    const folder = await makeFolder();
    const file = join(folder, 'a.log');
    const options = { maxBytes: 20_000, settledAfterMs: 100, bursts: 300 };
    const sleeper = startWriter(file, 'ada', options);
    await eventually('it writes', async () => (await readAll(folder)).length > 0);
    sleeper.kill('SIGSTOP');
    const others = ['bob', 'cyd'].map((name) => startWriter(file, name, options));
    await Promise.all(others.map(endOf));
    sleeper.kill('SIGCONT');
    expect(await endOf(sleeper)).toBe(0);
    // Stopped between its write and the look at it, it cannot know whether these lines were read: it
    // writes them again.
    const lines = await readAll(folder);
    for (const name of ['ada', 'bob', 'cyd']) {
      const numbers = lines.filter(({ by }) => by === name).map(({ n }) => n);
      expect(new Set(numbers), name).toEqual(new Set(Array.from({ length: 3_000 }, (_, n) => n)));
      if (name !== 'ada') expect(numbers).toHaveLength(3_000);
    }
  },
  DEADLINE_MS,
);

test(
  'logrotate works too: a file that was renamed and made anew is noticed, also by an idle process',
  async () => {
    const folder = await makeFolder();
    const file = join(folder, 'a.log');
    const writer = startWriter(file, 'ada', { bursts: 300 });
    for (let round = 1; round <= 3; round += 1) {
      await eventually('it writes to the new file', async () => (await sizeOf(file)) > 0);
      await rename(file, `${file}.${round}`);
      // As logrotate makes it: unless the process was faster, and never over what is there.
      await writeFile(file, '', { flag: 'a' });
    }
    expect(await endOf(writer)).toBe(0);
    await expectEachOnce(folder, ['ada'], 3_000);

    const idle = spawn(process.execPath, [
      '--input-type=module-typescript',
      '-e',
      `${writerProgram(file, 'bob', { bursts: 1 })} setInterval(() => {}, 1_000);`,
    ]);
    await once(idle.stdout, 'data');
    await rename(file, `${file}.4`);
    await eventually('the idle one has made it anew', async () => (await sizeOf(file)) === 0);
    idle.kill('SIGKILL');
    await endOf(idle);
  },
  DEADLINE_MS,
);

const sizeOf = (file: string) =>
  stat(file).then(
    ({ size }) => size,
    () => -1,
  );

test('a disk that is full cuts no line of those that follow, and holds up no end', async () => {
  const folder = await makeFolder();
  const file = join(folder, 'a.log');
  await writeFile(file, '');
  // The limit of a file's size stands for the disk; it cuts in the middle of a line.
  const limited = `trap '' XFSZ; ulimit -f 20; exec "$0" --input-type=module-typescript -e "$1"`;
  const program = writerProgram(file, 'ada', { bursts: 50 });
  const { stdout } = await run('sh', ['-c', limited, process.execPath, program], {
    timeout: 20_000,
  });
  expect(stdout).toBe('500');
  const cut = await readFile(file, 'utf8');
  expect(cut.endsWith('\n')).toBe(false);

  // With room again, a process of the same kind goes on; only the cut line is lost.
  await writeFile(file, `${cut}\n`);
  expect(await endOf(startWriter(file, 'bob', { bursts: 10 }))).toBe(0);
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const broken = lines.filter((line) => !line.endsWith('}'));
  expect(broken).toHaveLength(1);
});

test('too old and too many go; names that others gave are never touched', async () => {
  const folder = await makeFolder();
  const file = join(folder, 'a.log');
  const now = new Date('2026-03-10T12:00:00Z');
  const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);
  const ours = [1, 2, 3, 4, 40].map((days) => archivePath(file, daysAgo(days)));
  const foreign = ['a.log', 'a.log.1', 'a.log.1.gz', 'a.log.old', 'a.log.20260101', 'b.log'].map(
    (name) => join(folder, name),
  );
  const similar = [
    archivePath(join(folder, 'b.log'), daysAgo(90)),
    `${archivePath(file, daysAgo(90))}.bak`,
    join(folder, `my-${archivePath('a.log', daysAgo(90))}`),
  ];
  for (const path of [...ours, ...foreign, ...similar]) await writeFile(path, `${path}\n`);
  await writeFile(join(folder, `${archivePath(file, daysAgo(50))}.gz`.split('/').at(-1)!), '');

  await Promise.all(
    Array.from({ length: 5 }, () =>
      tidyArchives(file, { maxFiles: 10, maxAgeMs: 30 * 86_400_000 }, now),
    ),
  );
  await tidyArchives(file, { maxFiles: 3, maxAgeMs: 0 }, now);
  const kept = ours.slice(0, 3).map((path) => `${path}.gz`);
  const paths = (await readdir(folder)).map((name) => join(folder, name));
  expect(paths.sort()).toEqual([...kept, ...foreign, ...similar].sort());
  for (const path of kept)
    expect(gunzipSync(await readFile(path)).toString()).toBe(`${path.slice(0, -3)}\n`);
});

test('lock and unfinished archive of a dead process are in the way for a while only', async () => {
  const folder = await makeFolder();
  const file = join(folder, 'a.log');
  const now = new Date();
  const archive = archivePath(file, new Date(now.getTime() - 120_000));
  await writeFile(archive, 'line\n');
  await writeFile(`${archive}.gz.part`, 'half');
  const limits = { maxFiles: 10, maxAgeMs: 0 };
  await tidyArchives(file, limits, now);
  expect(await readdir(folder)).toHaveLength(2);
  const later = new Date(now.getTime() + 61_000);
  await tidyArchives(file, limits, later);
  await tidyArchives(file, limits, later);
  expect(await readdir(folder)).toEqual([`${archive}.gz`.split('/').at(-1)]);
});
