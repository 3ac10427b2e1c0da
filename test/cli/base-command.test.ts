import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/lib/package-root.ts';
import { isOpenToNobody } from '../db/embedded/members.ts';
import { runAuthctl, runNode } from './support/run-program.ts';

/** What stands behind `hint`, as a property or as a value of its own, up to the end of its text. */
const HINT = /\bhint\b\s*[:=]\s*(?:'[^'\n]*'|"[^"\n]*"|`[^`]*`)/g;
const WAITING = join(import.meta.dirname, 'support/waiting-command.ts');

/** What standard output says under `--json`. */
function errorOf(stdout: string): { code: string; message: string; hint?: string } {
  return JSON.parse(stdout).error;
}

describe('exit codes', () => {
  test.each([
    ['done', 0, ['config', 'check'], {}],
    ['an invalid configuration', 2, ['config', 'check'], { AUTHCTL_PORT: 'x' }],
    ['an unknown flag', 2, ['config', 'check', '--nope'], {}],
    ['a flag without its value', 2, ['config', 'check', '--port'], {}],
    ['a flag with a wrong value', 2, ['users', 'list', '--limit', 'many'], {}],
    ['an unknown command', 2, ['confg', 'check'], {}],
    ['an argument too many', 2, ['config', 'check', 'extra'], {}],
  ])('%s: %i, with and without --json', async (_, code, args, env) => {
    const plain = await runAuthctl(args, { env });
    const json = await runAuthctl([...args, '--json'], { env });
    expect([plain.code, json.code]).toEqual([code, code]);
    expect(json.stderr).toBe('');
    if (code === 0) return;
    expect(plain.stdout).toBe('');
    const { message, hint } = errorOf(json.stdout);
    expect(plain.stderr).toBe(`error: ${message}\nhint: ${hint}\n`);
  });

  test('a wrong value is told on one line', async () => {
    const { stderr } = await runAuthctl(['users', 'list', '--limit', 'many']);
    expect(stderr.split('\n')[0]).toBe('error: --limit: Expected an integer but received: many');
  });

  test('an unforeseen error is 1 with a sentence, and a stack only with DEBUG', async () => {
    const plain = await runNode(WAITING, ['--crash']);
    expect(plain.code).toBe(1);
    expect(plain.stderr).toContain('error: This should not have happened: a bug');
    expect(plain.stderr).not.toContain('at ');
    const json = await runNode(WAITING, ['--crash', '--json']);
    expect([json.code, errorOf(json.stdout).code]).toEqual([1, 'internal']);
    const debug = await runNode(WAITING, ['--crash'], { env: { DEBUG: '1' } });
    expect(debug.stderr).toMatch(/TypeError: a bug\n\s+at /);
  });

  test('a destructive command without --yes is 2 and does nothing', async () => {
    const refused = await runNode(WAITING, ['--destroy']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('add --yes');
    const done = await runNode(WAITING, ['--destroy', '--yes', '--json']);
    expect([done.code, JSON.parse(done.stdout)]).toEqual([0, { stopped: 'destroyed' }]);
  });
});

describe('help and version', () => {
  test.each([
    ['-h', '--help'],
    ['users list -h', 'users list --help'],
    ['-v', '--version'],
    ['version', '--version'],
  ])('%s is %s', async (short, long) => {
    const [said, expected] = await Promise.all([
      runAuthctl(short.split(' ')),
      runAuthctl(long.split(' ')),
    ]);
    expect(expected).toMatchObject({ code: 0, stderr: '' });
    expect(said).toEqual(expected);
  });

  test.each(['help bogus', 'bogus --help', 'help users bogus', 'users bogus -h'])(
    '%s: an unknown command is told as without help',
    async (typed) => {
      const args = typed.split(' ');
      const name = args.filter((word) => word.includes('us')).join(' ');
      const plain = await runAuthctl(args);
      expect(plain).toMatchObject({ code: 2, stdout: '' });
      expect(plain.stderr.split('\n')).toEqual([
        `error: There is no command \`${name}\`.`,
        expect.stringMatching(/^hint: (did you mean|authctl)/),
        '',
      ]);
    },
  );

  test('an unknown command with --help is told under --json, too', async () => {
    const { code, stdout, stderr } = await runAuthctl(['bogus', '--help', '--json']);
    expect([code, errorOf(stdout).code, stderr]).toEqual([2, 'usage', '']);
  });
});

describe('signals', () => {
  const signalAfter = 'waiting';

  test.each([[[]], [['--json']]])(
    'an interrupted command is 130 after releasing what it opened %j',
    async (args) => {
      const ended = await runNode(WAITING, args, { signal: 'SIGINT', signalAfter });
      expect(ended).toMatchObject({ code: 130, signal: null });
      expect(ended.stderr).toContain('released');
      if (args.length > 0) expect(errorOf(ended.stdout).code).toBe('interrupted');
    },
  );

  test.each(['SIGINT', 'SIGTERM'] as const)('a process ends well on %s', async (signal) => {
    const ended = await runNode(WAITING, ['--graceful', '--json'], { signal, signalAfter });
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toEqual({ stopped: signal });
    expect(ended.stderr).toContain('released');
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('a second %s ends it at once', async (signal) => {
    const env = { AUTHCTL_SHUTDOWN_DEADLINE: '10m' };
    const ended = await runNode(WAITING, ['--graceful', '--stuck'], { env, signal, signalAfter });
    expect(ended).toMatchObject({ code: null, signal });
    expect(ended.stderr).toContain('still waiting');
  });

  test('a stop that takes longer than it may ends with 1, and says what it waited for', async () => {
    const env = { AUTHCTL_SHUTDOWN_DEADLINE: '1s' };
    const options = { env, signal: 'SIGTERM', signalAfter, signals: 1 } as const;
    const ended = await runNode(WAITING, ['--graceful', '--stuck'], options);
    expect(ended).toMatchObject({ code: 1, signal: null });
    expect(ended.stderr).toContain(
      'error: The stop was cut short after 1 s, while it waited for: the slow thing.\nhint: ',
    );
  });
});

describe('settings', () => {
  test('config check lists all problems of flags, environment and names together', async () => {
    const { stdout, code } = await runAuthctl(['config', 'check', '--workers', '0', '--json'], {
      env: { AUTHCTL_ENV: 'production', AUTHCTL_HSOT: 'x' },
    });
    expect(code).toBe(2);
    const pointers = JSON.parse(stdout).error.fields.map((f: { pointer: string }) => f.pointer);
    expect(pointers.sort()).toEqual([
      'AUTHCTL_HSOT',
      'master_key',
      'public_url',
      'smtp.url',
      'workers',
    ]);
  });

  test('more hash slots in the environment bring their threads along, as a flag they cannot', async () => {
    const env = { AUTHCTL_HASH_SLOTS: '40' };
    expect((await runAuthctl(['config', 'check'], { env })).code).toBe(0);
    expect((await runAuthctl(['config', 'check', '--hash-slots', '40'])).code).toBe(2);
  });

  test('config show prints values and sources, and never a secret', async () => {
    const env = {
      AUTHCTL_DATABASE_URL: 'postgres://u:canary@db:5432/canary',
      AUTHCTL_PORT: '9000',
    };
    const plain = await runAuthctl(['config', 'show', '--insecure'], { env });
    expect(plain.stdout).toMatch(/^port +9000 +AUTHCTL_PORT$/m);
    expect(plain.stdout).toMatch(/^insecure +on +--insecure$/m);
    expect(plain.stdout).toMatch(/^database\.url +postgres:\/\/\*\*\*@db:5432\/\*\*\* /m);
    const json = await runAuthctl(['config', 'show', '--json'], { env });
    expect(JSON.parse(json.stdout).settings).toContainEqual({
      name: 'port',
      value: '9000',
      source: 'environment',
      at: 'AUTHCTL_PORT',
    });
    expect(plain.stdout + json.stdout).not.toContain('canary');
  });

  test('a secret is not taken as an argument, only as the file that holds it', async () => {
    const { code, stderr } = await runAuthctl([
      'config',
      'check',
      '--database-url',
      'postgres://x',
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain('Nonexistent flag: --database-url');
    const file = await runAuthctl(['config', 'check', '--database-url-file', '/nonexistent']);
    expect(file.stderr).toContain('database.url (--database-url-file)');
  });
});

test('a hint names no flag that no command has', () => {
  const manifest = JSON.parse(readFileSync(join(packageRoot(), 'oclif.manifest.json'), 'utf8'));
  const commands = Object.values<{ flags: object }>(manifest.commands);
  const known = new Set(['help', ...commands.flatMap(({ flags }) => Object.keys(flags))]);
  const sources = ['src', 'commands', 'config'].flatMap((folder) =>
    globSync(`${folder}/**/*.ts`, { cwd: packageRoot() }),
  );
  const unknown = sources.flatMap((file) => {
    const hints = readFileSync(join(packageRoot(), file), 'utf8').matchAll(HINT);
    const named = [...hints].flatMap(([hint]) => [...hint.matchAll(/--([a-z][a-z0-9-]*)/g)]);
    return named.map(([, name]) => name!).filter((name) => !known.has(name));
  });
  // npm's, in the hint that PostgreSQL is not installed.
  expect(unknown).toEqual(['omit']);
});

test.runIf(isOpenToNobody)(
  'a user whom no account names may run it, and is a number in the audit',
  () => {
    const nameless = { uid: 54_321, gid: 54_321, encoding: 'utf8', env: {}, cwd: '/' } as const;
    const run = (...args: string[]) => spawnSync(process.execPath, args, nameless);
    const { status, stderr } = run(join(packageRoot(), 'bin/run.js'), 'config', 'check');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });

    const name = `import { osUser } from '${packageRoot()}/src/lib/os-user.ts'; console.log(osUser())`;
    expect(run('--input-type=module', '-e', name).stdout).toBe('uid 54321\n');
  },
);

test('no code is taken from the data folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'authctl-plugin-'));
  const plugins = [{ name: 'stranger', type: 'link', root: folder }];
  const hooks = { init: './hook.cjs' };
  const pjson = {
    name: 'stranger',
    version: '1.0.0',
    oclif: { plugins, hooks, commands: './none' },
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(pjson));
  writeFileSync(join(folder, 'hook.cjs'), 'module.exports = async () => console.log("mine")');
  const { stdout } = await runAuthctl(['config', 'check'], { env: { AUTHCTL_DATA_DIR: folder } });
  rmSync(folder, { recursive: true });
  expect(stdout).toBe('The configuration is valid for development.\n');
});

test('every command has a summary and examples', () => {
  const manifest = JSON.parse(readFileSync(join(packageRoot(), 'oclif.manifest.json'), 'utf8'));
  const commands = Object.values<Record<string, unknown>>(manifest.commands);
  const wanting = commands.filter(({ summary, examples }) => !summary || !examples);
  expect(wanting.map(({ id }) => id)).toEqual([]);
});
