import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readlinkSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { joinEmbeddedPostgres } from '../../../src/db/embedded/join.ts';
import { isPostmaster } from '../../../src/db/embedded/postmaster.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { createLogger } from '../../../src/lib/logger.ts';
import {
  cleanUp,
  isRoot,
  killServersIn,
  makeFolder,
  postmasterOf,
  query,
  serversIn,
  socketOf,
  startMember,
  startsOf,
  until,
} from './members.ts';

const log = createLogger({ level: 'error' });

afterEach(cleanUp);

describe('processes that share a data folder', () => {
  test('many that join at once get one server, and the last one out stops it', async () => {
    const dataDir = await makeFolder();
    const members = Array.from({ length: 4 }, () => startMember(dataDir));
    const [first = ''] = await Promise.all(members.map((member) => member.line()));

    expect(startsOf(dataDir)).toBe(1);
    for (const member of members) {
      expect(await query(first, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await member.ask('leave');
    }
    expect(serversIn(dataDir)).toEqual([]);
    expect(existsSync(socketOf(first))).toBe(false);
    expect(existsSync(join(dataDir, 'postgres/postmaster.pid'))).toBe(false);
  });

  test('joining and leaving at the same time never leaves a member without a server', async () => {
    const dataDir = await makeFolder();
    const rounds = async () => {
      for (let round = 0; round < 5; round += 1) {
        const postgres = await joinEmbeddedPostgres({ dataDir, log });
        expect(await query(postgres.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
        await postgres.leave();
      }
    };
    await Promise.all([rounds(), rounds(), rounds()]);
    expect(serversIn(dataDir)).toEqual([]);
  });

  test('a process that joins twice counts twice', async () => {
    const dataDir = await makeFolder();
    const [one, other] = await Promise.all([
      joinEmbeddedPostgres({ dataDir, log }),
      joinEmbeddedPostgres({ dataDir, log }),
    ]);
    await one.leave();
    await one.leave();
    expect(await query(other.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await other.leave();
    expect(serversIn(dataDir)).toEqual([]);
    await expect(other.ensureRunning()).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('one that is killed is not counted any more, and its server is found again', async () => {
    const dataDir = await makeFolder();
    const killed = startMember(dataDir);
    const connectionString = await killed.line();
    await killed.kill('SIGKILL');

    const next = startMember(dataDir);
    expect(await next.line()).toBe(connectionString);
    expect(startsOf(dataDir)).toBe(1);
    await next.ask('leave');
    expect(serversIn(dataDir)).toEqual([]);
  });

  test('some killed while the others leave: the next one still finds order, and is the last', async () => {
    const dataDir = await makeFolder();
    const members = Array.from({ length: 6 }, () => startMember(dataDir));
    await Promise.all(members.map((member) => member.line()));
    await Promise.all(
      members.map((member, index) =>
        index % 2 === 0 ? member.kill('SIGKILL') : member.ask('leave'),
      ),
    );

    const next = await joinEmbeddedPostgres({ dataDir, log });
    expect(await query(next.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await next.leave();
    expect(serversIn(dataDir)).toEqual([]);
  });

  test('what the environment says of other PostgreSQL servers changes nothing', async () => {
    const dataDir = await makeFolder();
    const env = { PGSSLMODE: 'require', PGSSLNEGOTIATION: 'direct', PGOPTIONS: '-c search_path=x' };
    const member = startMember(dataDir, { env: { ...env, PGHOST: 'db.example', PGPORT: '1' } });
    await member.line();
    await member.ask('leave');
  });

  test("a terminal's Ctrl-C reaches the process, not its server", async () => {
    const dataDir = await makeFolder();
    const member = startMember(dataDir);
    const connectionString = await member.line();
    process.kill(-member.process.pid!, 'SIGINT');
    await until(() => member.process.signalCode === 'SIGINT');
    expect(await query(connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

// As two containers with one volume: processes of one see nothing of the other's.
describe.runIf(isRoot)('processes that cannot see each other', () => {
  const through = 'exec unshare --pid --fork --kill-child --mount-proc "$@"';

  test('never start a second server on the same files', async () => {
    const dataDir = await makeFolder();
    const present = startMember(dataDir);
    const connectionString = await present.line();

    const stranger = startMember(dataDir, { through });
    expect(await stranger.line()).toMatch(/^dependency_unreachable: .* in another container/);
    expect(startsOf(dataDir)).toBe(1);
    expect(await query(connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await present.ask('leave');
  });

  test('follow each other, also after a crash, with everything that was committed', async () => {
    const dataDir = await makeFolder();
    const first = startMember(dataDir, { through });
    await query(await first.line(), 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.kill('SIGKILL');
    await until(() => serversIn(dataDir).length === 0);

    for (const options of [{}, { through }]) {
      const next = startMember(dataDir, options);
      expect(await query(await next.line(), 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      await next.ask('leave');
    }
    expect(serversIn(dataDir)).toEqual([]);
  });
});

// The machine's own processes outlive whoever started them, unlike those of a container.
test.runIf(isRoot && readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]')(
  'a server that a killed process of the machine left behind lets no container in beside it',
  async () => {
    const dataDir = await makeFolder();
    const killed = startMember(dataDir);
    await query(await killed.line(), 'CREATE TABLE kept AS SELECT 42 AS answer');
    await killed.kill('SIGKILL');
    expect(serversIn(dataDir)).not.toEqual([]);

    const through = 'exec unshare --pid --fork --kill-child --mount-proc "$@"';
    const stranger = startMember(dataDir, { through });
    expect(await stranger.line()).toMatch(/^dependency_unreachable: .* outside of this container/);
    expect(startsOf(dataDir)).toBe(1);

    // Whoever sees it stops it, and the container may come.
    const next = startMember(dataDir);
    await next.line();
    await next.ask('leave');
    expect(serversIn(dataDir)).toEqual([]);
    const later = startMember(dataDir, { through });
    expect(await query(await later.line(), 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await later.ask('leave');
  },
);

describe('a server that is killed', () => {
  test('is started once for all who ask, with everything that was committed', async () => {
    const dataDir = await makeFolder();
    const members = Array.from({ length: 4 }, () => startMember(dataDir));
    const [connectionString = ''] = await Promise.all(members.map((member) => member.line()));
    await query(connectionString, 'CREATE TABLE kept AS SELECT 42 AS answer');

    for (let round = 1; round <= 3; round += 1) {
      process.kill(postmasterOf(dataDir), 'SIGKILL');
      await Promise.all(members.map((member) => member.ask('ensure')));
      expect(startsOf(dataDir)).toBe(1 + round);
      expect(await query(connectionString, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    }
    for (const member of members) await member.ask('leave');
    expect(serversIn(dataDir)).toEqual([]);
  });

  test('together with all its users comes back for the next who joins', async () => {
    const dataDir = await makeFolder();
    const member = startMember(dataDir);
    await query(await member.line(), 'CREATE TABLE kept AS SELECT 42 AS answer');
    await member.kill('SIGKILL');
    killServersIn(dataDir);

    const next = await joinEmbeddedPostgres({ dataDir, log });
    expect(await query(next.connectionString, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await next.leave();
  });

  test('comes back though its process id now belongs to somebody else', async () => {
    const dataDir = await makeFolder();
    const before = await joinEmbeddedPostgres({ dataDir, log });
    const pidFiles = [
      join(dataDir, 'postgres/postmaster.pid'),
      `${socketOf(before.connectionString)}.lock`,
    ];
    killServersIn(dataDir);
    await until(() => serversIn(dataDir).length === 0);
    for (const file of pidFiles) await replacePid(file, process.pid);

    await before.ensureRunning();
    expect(await query(before.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await before.leave();
  });

  test('comes back though its process id now belongs to another folder’s server, which lives on', async () => {
    const [dataDir, otherDir] = [await makeFolder(), await makeFolder()];
    const here = await joinEmbeddedPostgres({ dataDir, log });
    const other = await joinEmbeddedPostgres({ dataDir: otherDir, log });
    const otherPid = postmasterOf(otherDir);
    killServersIn(dataDir);
    await until(() => serversIn(dataDir).length === 0);
    const pidFile = join(dataDir, 'postgres/postmaster.pid');
    for (const file of [pidFile, `${socketOf(here.connectionString)}.lock`])
      await replacePid(file, otherPid);

    await here.ensureRunning();
    expect(await query(here.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    // As a crash leaves it: whoever leaves now has nothing to stop, and nobody else's to stop either.
    killServersIn(dataDir);
    await until(() => serversIn(dataDir).length === 0);
    await replacePid(pidFile, otherPid);
    await here.leave();
    expect(postmasterOf(otherDir)).toBe(otherPid);
    expect(await query(other.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await other.leave();
  });

  test('is not taken for another process that works in its folder', async () => {
    const dataDir = await makeFolder();
    const postgres = await joinEmbeddedPostgres({ dataDir, log });
    const folder = join(dataDir, 'postgres');
    const socketFolder = join(socketOf(postgres.connectionString), '..');
    const shell = spawn('sleep', ['60'], { cwd: folder });
    await once(shell, 'spawn');
    expect(isPostmaster(postmasterOf(dataDir), folder, socketFolder)).toBe(true);
    expect(isPostmaster(shell.pid!, folder, socketFolder)).toBe(false);
    shell.kill();
    await postgres.leave();
  });

  test('that fails again at every start is not started in a tight loop, and comes back', async () => {
    const dataDir = await makeFolder();
    // Every look at this clock is a second later: the eager part of a start is over at once.
    let looks = 0;
    const clock = {
      ...systemClock,
      monotonicMs() {
        looks += 1;
        return looks * 1_100;
      },
    };
    const postgres = await joinEmbeddedPostgres({ dataDir, log, clock });
    const control = join(dataDir, 'postgres/global/pg_control');
    await chmod(control, 0o400);
    killServersIn(dataDir);

    const running = postgres.ensureRunning();
    await sleep(2_000);
    await chmod(control, 0o600);
    await running;
    const failures =
      (await readFile(join(dataDir, 'postgres.log'), 'utf8')).split('PANIC').length - 1;
    expect(failures).toBeGreaterThan(0);
    expect(failures).toBeLessThanOrEqual(10);
    expect(await query(postgres.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await postgres.leave();
  });

  test('gets its database back when somebody has dropped it', async () => {
    const dataDir = await makeFolder();
    const postgres = await joinEmbeddedPostgres({ dataDir, log });
    const elsewhere = postgres.connectionString.replace('/authctl?', '/postgres?');
    await query(elsewhere, 'DROP DATABASE authctl');
    await postgres.ensureRunning();
    expect(await query(postgres.connectionString, 'SELECT current_database() AS name')).toEqual([
      { name: 'authctl' },
    ]);
    await postgres.leave();
  });
});

async function replacePid(file: string, pid: number): Promise<void> {
  await writeFile(file, (await readFile(file, 'utf8')).replace(/^\d+/, String(pid)));
}
