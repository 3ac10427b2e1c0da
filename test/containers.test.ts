import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../config/index.ts';
import { packageRoot } from '../src/lib/package-root.ts';

const root = packageRoot();
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const compose = read('docker-compose.yml');

interface Service {
  readonly command?: string;
  readonly env_file?: string;
  readonly environment?: Record<string, string>;
  readonly healthcheck?: { test: string | string[] };
  readonly stop_grace_period?: string;
}

/** The services as an engine sees them, with what `.env` says put in as Compose does it. */
function servicesWith(env: Record<string, string>): Record<string, Service> {
  const filled = compose.replace(
    /\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (_, name: string, kind, rest) => {
      if (env[name]) return env[name];
      if (kind !== '-') throw new Error(`${name}: ${rest}`);
      return rest;
    },
  );
  return parse(filled, { merge: true }).services;
}

/** The names that `.env.example` asks for. */
const asked = [...read('.env.example').matchAll(/^(\w+)=$/gm)].map(([, name]) => name!);
const FILLED = Object.fromEntries(asked.map((name) => [name, randomBytes(32).toString('hex')]));

describe('docker-compose.yml', () => {
  test('needs nothing but what .env.example asks for', () => {
    expect(asked).toEqual(['POSTGRES_PASSWORD', 'AUTHCTL_MASTER_KEY']);
    for (const name of asked) expect(() => servicesWith({ ...FILLED, [name]: '' })).toThrow(name);
    expect(Object.keys(servicesWith(FILLED))).toEqual(
      expect.arrayContaining(['postgres', 'mail', 'migrate', 'api', 'worker']),
    );
  });

  test.each(['migrate', 'api', 'worker'])('%s: what it is told is valid and complete', (name) => {
    const { environment = {}, env_file } = servicesWith(FILLED)[name]!;
    const config = loadConfig({ env: environment });
    expect(config.database.url?.reveal()).toContain('@postgres:5432/');
    expect(config.smtp.url?.reveal()).toBe('smtp://mail:1025');
    // Whatever else an operator sets.
    expect(env_file).toBe('.env');
  });

  test('asks for the health that there is, and stops no earlier than authctl does', async () => {
    const { api, worker } = servicesWith(FILLED);
    const [kind, program, flag, script = ''] = api!.healthcheck!.test;
    expect([kind, program, flag]).toEqual(['CMD', 'node', '-e']);
    for (const ok of [true, false]) {
      const exit = await new Promise((resolve) => {
        const fetch = async (url: string) => ({ ok: ok && url === 'http://127.0.0.1:8080/health' });
        runInNewContext(script, { fetch, process: { exit: resolve } });
      });
      expect(exit).toBe(ok ? 0 : 1);
    }
    const { shutdown } = loadConfig({ env: {} });
    for (const service of [api!, worker!]) {
      const graceMs = Number.parseInt(service.stop_grace_period ?? '10s', 10) * 1_000;
      expect(graceMs).toBeGreaterThan(shutdown.deadlineMs);
    }
  });

  test('runs commands that exist', () => {
    const { commands } = JSON.parse(read('oclif.manifest.json'));
    for (const { command } of Object.values(servicesWith(FILLED))) {
      if (command && !command.startsWith('postgres')) {
        const [name = '', ...flags] = command.split(' ');
        const known = Object.entries<{ allowNo?: boolean }>(commands[name].flags).flatMap(
          ([flag, { allowNo }]) => (allowNo ? [`--${flag}`, `--no-${flag}`] : [`--${flag}`]),
        );
        expect(known).toEqual(expect.arrayContaining(flags));
      }
    }
  });
});

describe('the container image', () => {
  const dockerfile = read('Dockerfile');

  test('holds everything that the package holds for running', () => {
    const copied = [...dockerfile.matchAll(/^COPY --from=build (.+) \S+$/gm)]
      .flatMap(([, paths]) => paths!.split(' '))
      .map((path) => path.replace('/app/', ''));
    const { files } = JSON.parse(read('package.json')) as { files: string[] };
    const documents = ['config/authctl.yaml', 'docs', 'examples'];
    const needed = files.filter((file) => !documents.includes(file) && !file.endsWith('.md'));
    expect(copied.sort()).toEqual([...needed, 'node_modules', 'package.json'].sort());
  });

  test('is not built from secrets, and from nothing that is missing', () => {
    const ignored = read('.dockerignore').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['.env*', 'data', 'node_modules', '.git']));
    for (const path of ['scripts', 'prisma', 'src', 'commands', 'config', 'bin', 'assets']) {
      expect(ignored).not.toContain(path);
      expect(existsSync(join(root, path))).toBe(true);
    }
  });

  test('links the libraries of the embedded PostgreSQL of each of its platforms', () => {
    const { optionalDependencies } = JSON.parse(read('package.json'));
    const linux = Object.keys(optionalDependencies).filter((name) => name.includes('/linux-'));
    expect(linux.length).toBeGreaterThan(0);
    for (const name of linux) expect(dockerfile).toMatch(new RegExp(`npm rebuild.*${name}\\b`));
  });
});
