import { readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, chown, mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { findBinaries } from '../../../src/db/embedded/binaries.ts';
import { joinEmbeddedPostgres } from '../../../src/db/embedded/join.ts';
import { runProgram } from '../../../src/db/embedded/run-program.ts';
import { chooseServerAccount, serverCommand } from '../../../src/db/embedded/server-account.ts';
import { openServerLog } from '../../../src/db/embedded/server-log.ts';
import { prepareSocketFolder, socketFolderOf } from '../../../src/db/embedded/socket-folder.ts';
import { claimTerritory } from '../../../src/db/embedded/territory.ts';
import { createLogger } from '../../../src/lib/logger.ts';
import { packageRoot } from '../../../src/lib/package-root.ts';
import {
  cleanUp,
  isOpenToNobody,
  isRoot,
  makeFolder,
  NOBODY,
  postmasterOf,
  query,
  serversIn,
  socketOf,
  startMember,
  until,
} from './members.ts';

const log = createLogger({ level: 'error' });
/** Before commands had a role of their own. */
const OLD_RULES = 'local   all       authctl  scram-sha-256\n';

afterEach(cleanUp);

describe('a data folder', () => {
  test('is private: 0700, its files 0600, and nothing else can log in or knock', async () => {
    const dataDir = join(await makeFolder(), 'data');
    const { connectionString, leave } = await joinEmbeddedPostgres({ dataDir, log });
    const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

    expect(modeOf(dataDir)).toBe('700');
    expect(modeOf(join(dataDir, 'postgres'))).toBe('700');
    expect(modeOf(join(dataDir, 'postgres.password'))).toBe('600');
    expect(modeOf(join(dataDir, 'postgres.log'))).toBe('600');
    expect(modeOf(join(socketOf(connectionString), '..'))).toBe('700');

    const asSuperuser = connectionString.replace('//authctl:', '//postgres:');
    await expect(query(asSuperuser, 'SELECT 1')).rejects.toMatchObject({ code: '28000' });
    const wrongPassword = connectionString.replace('//authctl:', '//authctl:x');
    await expect(query(wrongPassword, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect(
      await query(
        connectionString,
        'SELECT DISTINCT rolsuper FROM pg_roles WHERE rolcanlogin AND rolname LIKE $$authctl%$$',
      ),
    ).toEqual([{ rolsuper: false }]);
    expect(await query(connectionString, 'SELECT inet_server_addr() AS address')).toEqual([
      { address: null },
    ]);
    await leave();
  });

  test('lets commands in by a role of their own, whose work belongs to the product’s', async () => {
    const dataDir = await makeFolder();
    const { commandConnectionString, connectionString, leave } = await joinEmbeddedPostgres({
      dataDir,
      log,
    });
    expect(
      await query(commandConnectionString, 'SELECT session_user AS role, current_user AS acts_as'),
    ).toEqual([{ role: 'authctl_command', acts_as: 'authctl' }]);
    await query(commandConnectionString, 'CREATE TABLE made AS SELECT 42 AS answer');
    expect(await query(connectionString, 'DROP TABLE made')).toEqual([]);
    await leave();
  });

  test('of a release without that role gets it once its server stands still', async () => {
    const dataDir = await makeFolder();
    await (await joinEmbeddedPostgres({ dataDir, log })).leave();
    const rules = await takeCommandRole(dataDir);
    const { mode, uid } = statSync(rules);

    for (let start = 1; start <= 2; start += 1) {
      const joined = await joinEmbeddedPostgres({ dataDir, log });
      expect(
        await query(joined.commandConnectionString, 'SELECT session_user, current_user AS acts_as'),
      ).toEqual([{ session_user: 'authctl_command', acts_as: 'authctl' }]);
      await joined.leave();
    }
    expect(readFileSync(rules, 'utf8')).toBe(
      `${OLD_RULES}local   all       authctl_command  scram-sha-256\n`,
    );
    expect(statSync(rules)).toMatchObject({ mode, uid });

    // Nor does it matter that its password is lost.
    await takeCommandRole(dataDir);
    await rm(join(dataDir, 'postgres.password'));
    const joined = await joinEmbeddedPostgres({ dataDir, log });
    await query(joined.commandConnectionString, 'SELECT 1');
    await joined.leave();
  });

  test('lets commands in like everybody while a release without that role serves it', async () => {
    const dataDir = await makeFolder();
    const serving = await joinEmbeddedPostgres({ dataDir, log });
    await writeFile(join(dataDir, 'postgres/pg_hba.conf'), OLD_RULES);
    const command = await joinEmbeddedPostgres({ dataDir, log });
    expect(command.commandConnectionString).toBe(serving.connectionString);
    expect(readFileSync(join(dataDir, 'postgres/pg_hba.conf'), 'utf8')).toBe(OLD_RULES);
    await command.leave();
    await serving.leave();
  });

  test('keeps what is committed: durability is on and pages carry checksums', async () => {
    const dataDir = await makeFolder();
    const { connectionString, leave } = await joinEmbeddedPostgres({ dataDir, log });
    const names = ['fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums'];
    for (const name of names) {
      const [row] = await query(connectionString, `SELECT current_setting('${name}') AS value`);
      expect([name, row?.['value']]).toEqual([name, 'on']);
    }
    expect(
      await query(
        connectionString,
        `SELECT datcollate AS collation, pg_encoding_to_char(encoding) AS encoding,
                current_setting('listen_addresses') AS addresses
         FROM pg_database WHERE datname = 'authctl'`,
      ),
    ).toEqual([{ collation: 'C', encoding: 'UTF8', addresses: '' }]);
    await leave();
  });

  test('may have a path longer than a socket’s may be', async () => {
    const dataDir = join(await makeFolder(), 'd'.repeat(120), 'e'.repeat(120));
    const { connectionString, leave } = await joinEmbeddedPostgres({ dataDir, log });
    expect(Buffer.byteLength(socketOf(connectionString))).toBeLessThanOrEqual(107);
    expect(await query(connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await leave();
  });

  test('is made anew when the process that made it was killed half way', async () => {
    const dataDir = await makeFolder();
    const unfinished = () => readdirSync(dataDir).filter((name) => name.includes('.new-'));
    const killed = startMember(dataDir);
    await until(() => unfinished().some((name) => readdirSync(join(dataDir, name)).length > 0));
    await killed.kill('SIGKILL');

    const { connectionString, leave } = await joinEmbeddedPostgres({ dataDir, log });
    expect(await query(connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(unfinished()).toEqual([]);
    await leave();
  });

  test('gets a new password when its own is lost, once nobody uses it', async () => {
    const dataDir = await makeFolder();
    const before = await joinEmbeddedPostgres({ dataDir, log });
    await query(before.connectionString, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await rm(join(dataDir, 'postgres.password'));
    await expect(joinEmbeddedPostgres({ dataDir, log })).rejects.toMatchObject({
      code: 'config_invalid',
    });
    await before.leave();

    const after = await joinEmbeddedPostgres({ dataDir, log });
    expect(after.connectionString).not.toBe(before.connectionString);
    await query(after.commandConnectionString, 'SELECT 1');
    expect(await query(after.connectionString, 'SELECT answer FROM kept')).toEqual([
      { answer: 42 },
    ]);
    await after.leave();
  });

  test('is repaired though its last server’s process id now belongs to another folder’s server', async () => {
    const [dataDir, otherDir] = [await makeFolder(), await makeFolder()];
    await (await joinEmbeddedPostgres({ dataDir, log })).leave();
    const other = await joinEmbeddedPostgres({ dataDir: otherDir, log });
    // As a crash leaves it.
    const pidFile = join(dataDir, 'postgres/postmaster.pid');
    const leavePid = () => writeFile(pidFile, `${postmasterOf(otherDir)}\n`);

    await takeCommandRole(dataDir);
    await leavePid();
    const first = await joinEmbeddedPostgres({ dataDir, log });
    expect(first.commandConnectionString).toContain('//authctl_command:');
    await first.leave();

    await rm(join(dataDir, 'postgres.password'));
    await leavePid();
    const second = await joinEmbeddedPostgres({ dataDir, log });
    expect(await query(second.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await second.leave();
    expect(await query(other.connectionString, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await other.leave();
  });

  test('is refused when it holds files and stands open', async () => {
    const dataDir = await makeFolder();
    await writeFile(join(dataDir, 'something'), 'else');
    await chmod(dataDir, 0o755);
    await expect(joinEmbeddedPostgres({ dataDir, log })).rejects.toMatchObject({
      code: 'config_invalid',
    });
    expect(statSync(dataDir).mode & 0o777).toBe(0o755);
  });

  test('of another major version is refused, untouched', async () => {
    const dataDir = await makeFolder();
    await mkdir(join(dataDir, 'postgres'));
    await writeFile(join(dataDir, 'postgres/PG_VERSION'), '13\n');
    await expect(joinEmbeddedPostgres({ dataDir, log })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('PostgreSQL 13'),
    });
    expect(readdirSync(join(dataDir, 'postgres'))).toEqual(['PG_VERSION']);
  });

  test('whose server cannot start says why and where to read more', async () => {
    const dataDir = await makeFolder();
    await (await joinEmbeddedPostgres({ dataDir, log })).leave();
    await rm(join(dataDir, 'postgres/global/pg_control'));
    await expect(joinEmbeddedPostgres({ dataDir, log })).rejects.toMatchObject({
      code: 'dependency_unreachable',
      hint: expect.stringMatching(/postgres\.log.*pg_control/s),
    });
  });
});

test.runIf(process.platform === 'linux')(
  'a folder that was in use when its machine was switched off is in nobody’s use',
  async () => {
    const dataDir = await makeFolder();
    for (const name of ['run', 'postgres']) await mkdir(join(dataDir, name));
    const file = join(dataDir, 'run/territory');
    const before = '00000000-0000-4000-8000-000000000000 pid:[4026531836]\n';
    await writeFile(file, before);
    await writeFile(join(dataDir, 'postgres/postmaster.pid'), '1\n');
    await claimTerritory(dataDir, join(dataDir, 'run/presence.lock'));
    expect(readFileSync(file, 'utf8')).not.toBe(before);
  },
);

describe('a server', () => {
  test('sees nothing of our environment', async () => {
    const dataDir = await makeFolder();
    const member = startMember(dataDir, { env: { AUTHCTL_MASTER_KEY: 'not-for-postgres' } });
    await member.line();
    const environment = readFileSync(`/proc/${postmasterOf(dataDir)}/environ`, 'utf8');
    expect(environment).not.toContain('not-for-postgres');
    await member.ask('leave');
  });

  test.each([
    { kind: 'self', ...NOBODY },
    { kind: 'user', ...NOBODY },
    { kind: 'namespace', uid: 0, gid: 0, inside: NOBODY },
  ] as const)('is told nothing of it, whoever runs it: $kind', (account) => {
    const { options } = serverCommand(account, '/bin/postgres', '/data/postgres', []);
    expect(Object.keys(options.env)).toEqual(['PATH', 'LC_ALL', 'TZ', 'PGDATA']);
  });

  test.runIf(isOpenToNobody)(
    'of root runs as another user, who cannot enter the data folder',
    async () => {
      const parent = await makeFolder();
      const dataDir = join(parent, 'data');
      const member = startMember(dataDir);
      await query(await member.line(), 'SELECT 1');
      expect(uidOf(postmasterOf(dataDir))).not.toBe(0);
      expect(statSync(dataDir).uid).toBe(0);
      expect(statSync(dataDir).mode & 0o777).toBe(0o700);
      await member.ask('leave');
      expect(serversIn(dataDir)).toEqual([]);
    },
  );

  test.runIf(isRoot)(
    'of root runs in a user namespace when others cannot reach its programs',
    async ({ skip }) => {
      const dataDir = await makeFolder();
      const home = await makeFolder();
      await mkdir(join(home, 'checkout'));
      // The checkout is seen under a 0700 folder, by this member alone.
      const member = startMember(dataDir, {
        through: `exec unshare --mount sh -c 'mount --bind ${packageRoot()} ${home}/checkout || exit; exec "$1" ${home}/checkout/test/db/embedded/member.ts "$3"' sh "$@"`,
      });
      const connectionString = await member.line().catch(() => skip('mounts are not allowed here'));
      await query(connectionString, 'SELECT 1');
      expect(uidOf(postmasterOf(dataDir))).toBe(0);

      process.kill(postmasterOf(dataDir), 'SIGKILL');
      await member.ask('ensure');
      await member.ask('leave');
      expect(serversIn(dataDir)).toEqual([]);
    },
  );

  test.runIf(isOpenToNobody)('of an ordinary user runs as that user', async () => {
    const dataDir = await makeFolder(NOBODY);
    const member = startMember(dataDir, NOBODY);
    await query(await member.line(), 'SELECT 1');
    expect(uidOf(postmasterOf(dataDir))).toBe(NOBODY.uid);

    // Root may join what belongs to somebody else; the server stays that user's.
    const root = startMember(dataDir);
    await root.line();
    process.kill(postmasterOf(dataDir), 'SIGKILL');
    await root.ask('ensure');
    expect(uidOf(postmasterOf(dataDir))).toBe(NOBODY.uid);
    await root.ask('leave');
    await member.ask('leave');
    expect(serversIn(dataDir)).toEqual([]);

    // Nor does the first after a restart of the machine shut that user out.
    await writeFile(join(dataDir, 'run/territory'), 'before the restart');
    for (const user of [{}, NOBODY]) {
      const next = startMember(dataDir, user);
      await query(await next.line(), 'SELECT 1');
      await next.ask('leave');
    }
  });

  test.runIf(isOpenToNobody)('is not made for a user whom no account names', async () => {
    const nameless = { uid: 54_321, gid: 54_321 };
    const member = startMember(await makeFolder(nameless), nameless);
    expect(await member.line()).toMatch(/^config_invalid: .*user id 54321, which no account has/);
  });

  test('writes no value into its log, neither of a row nor of a statement', async () => {
    const dataDir = await makeFolder();
    const { connectionString, leave } = await joinEmbeddedPostgres({ dataDir, log });
    await query(connectionString, 'CREATE TABLE secrets (value text UNIQUE)');
    const insert = `INSERT INTO secrets VALUES ('canary')`;
    await query(connectionString, insert);
    await expect(query(connectionString, insert)).rejects.toMatchObject({ code: '23505' });
    await leave();
    const said = readFileSync(join(dataDir, 'postgres.log'), 'utf8');
    expect(said).toContain('duplicate key value violates unique constraint');
    expect(said).not.toContain('canary');
  });

  test('needs a place for its socket, and says so where there is none', async () => {
    // As /tmp in a container whose root cannot be written.
    await expect(prepareSocketFolder('/proc/authctl', NOBODY)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('cannot be made'),
    });
  });

  test('is not looked for in what is no folder', async () => {
    const file = join(await makeFolder(), 'file');
    await writeFile(file, '', { mode: 0o600 });
    await expect(prepareSocketFolder(file, statSync(file))).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('belongs to somebody else or is open to others'),
    });
  });

  test('has its log set aside when it is full, and the new one is as private', async () => {
    const path = join(await makeFolder(), 'postgres.log');
    await writeFile(path, 'old', { mode: 0o600 });
    await (await openServerLog(path)).close();
    expect(readdirSync(join(path, '..'))).toEqual(['postgres.log']);
    await truncate(path, 10 * 1024 * 1024 + 1);
    await (await openServerLog(path)).close();
    expect(readdirSync(join(path, '..'))).toEqual(['postgres.log', 'postgres.log.1']);
    expect(statSync(path)).toMatchObject({ size: 0 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test.runIf(isRoot)('is not looked for in a socket folder that a stranger made', async () => {
    const dataDir = await makeFolder();
    const squatted = socketFolderOf(dataDir);
    await mkdir(squatted, { mode: 0o700 });
    await chown(squatted, NOBODY.uid + 1, NOBODY.gid);
    await expect(joinEmbeddedPostgres({ dataDir, log })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(squatted),
    });
    await rm(squatted, { recursive: true });
  });
});

/** Undoes what a folder of a release before the role of commands lacks. @returns the access rules' file */
async function takeCommandRole(dataDir: string): Promise<string> {
  const folder = join(dataDir, 'postgres');
  const { postgres } = await findBinaries();
  const account = chooseServerAccount(postgres, folder, statSync(folder));
  const args = ['--single', '-c', 'exit_on_error=on', 'postgres'];
  await runProgram(serverCommand(account, postgres, folder, args), 'DROP ROLE authctl_command\n');
  const rules = join(folder, 'pg_hba.conf');
  await writeFile(rules, OLD_RULES);
  return rules;
}

function uidOf(pid: number): number {
  return statSync(`/proc/${pid}`).uid;
}
