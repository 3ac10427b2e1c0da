import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { fieldPath, SETTING_NAMES } from '../config/names.ts';
import { packageRoot } from '../src/lib/package-root.ts';

const root = packageRoot();

/** Which layers a layer may import; `docs/architecture.md` says the same in words. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  commands: [
    'config',
    'src/app',
    'src/bench',
    'src/cli',
    'src/db',
    'src/http',
    'src/lib',
    'src/services',
    'src/crypto',
  ],
  config: ['src/lib'],
  'src/app': [
    'config',
    'src/crypto',
    'src/db',
    'src/http',
    'src/lib',
    'src/services',
    'src/telemetry',
    'src/worker',
  ],
  'src/bench': ['src/lib', 'src/crypto'],
  'src/cli': ['config', 'src/app', 'src/bench', 'src/crypto', 'src/db', 'src/lib', 'src/services'],
  'src/crypto': [],
  'src/db': ['src/crypto', 'src/lib'],
  'src/http': ['config', 'src/crypto', 'src/db', 'src/lib', 'src/services'],
  'src/lib': [],
  'src/services': ['config', 'src/crypto', 'src/db', 'src/lib'],
  'src/telemetry': ['src/lib'],
  'src/worker': ['src/crypto', 'src/db', 'src/lib', 'src/services'],
};

/** Packages that belong to one layer, or to one file. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  koa: ['src/http'],
  '@koa/router': ['src/http'],
  '@oclif/core': ['commands', 'src/cli'],
  nodemailer: ['src/services'],
  argon2: ['src/crypto'],
  '@node-rs/argon2': ['src/crypto'],
  paseto: ['src/crypto'],
  otplib: ['src/crypto'],
  typebox: ['src/http/kernel/typebox.ts'],
  'pg-copy-streams': ['src/db'],
  '@opentelemetry': ['src/telemetry'],
};

/** Words that have one home each. */
const WORDS: readonly { word: RegExp; homes: readonly string[] }[] = [
  { word: /\bprocess\.env\b/, homes: ['src/cli/base-command.ts'] },
  { word: /\bprocess\.exit\(/, homes: [] },
  { word: /\bconsole\./, homes: [] },
  { word: /\bDate\.now\(\)|\bnew Date\(\)/, homes: ['src/lib/clock.ts'] },
  { word: /\bMath\.random\b|\bcrypto\.random/, homes: ['src/crypto/random.ts'] },
  // A change to an account is one unit (ADR 0007): whoever ends sessions or tells an owner goes that way.
  { word: /\b(notifyOwner|endSessions?)\(tx\b/, homes: ['src/services/account/change.ts'] },
];

const files = globSync('{commands,config,src}/**/*.ts', { cwd: root })
  .filter((file) => !file.includes('/generated/'))
  .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

test('every file imports only from layers below its own', () => {
  const violations = files.flatMap(({ file, text }) =>
    importsOf(text)
      .filter((path) => path.startsWith('.'))
      .map((path) => layerOf(relative(root, join(root, dirname(file), path))))
      .filter((target) => target !== layerOf(file) && target !== 'src/errors.ts')
      .filter((target) => !ALLOWED[layerOf(file)]?.includes(target))
      .map((target) => `${file} imports ${target}`),
  );
  expect(violations).toEqual([]);
});

test('every package with a home is imported only there', () => {
  const violations = files.flatMap(({ file, text }) =>
    importsOf(text)
      .map((path) =>
        Object.keys(HOMES).find((name) => path === name || path.startsWith(`${name}/`)),
      )
      .filter((name) => name !== undefined && !HOMES[name]?.some((home) => isIn(file, home)))
      .map((name) => `${file} imports ${name}`),
  );
  expect(violations).toEqual([]);
});

test('OpenTelemetry is loaded by an import() of its opener, never with the file that does', () => {
  const importers = files
    .filter(({ file }) => layerOf(file) !== 'src/telemetry')
    .filter(({ text }) => /from '[^']*\/telemetry\/(?!otlp-sender\.ts)/.test(text));
  expect(importers.map(({ file }) => file)).toEqual([]);
  const sender = readFileSync(join(root, 'src/telemetry/otlp-sender.ts'), 'utf8');
  expect(importsOf(sender)).toEqual([]);
});

test('the environment, the clock, randomness, the process end and changing accounts each have one home', () => {
  const violations = WORDS.flatMap(({ word, homes }) =>
    files
      .filter(({ file, text }) => !homes.includes(file) && word.test(withoutComments(text)))
      .map(({ file }) => `${file} uses ${word.source}`),
  );
  expect(violations).toEqual([]);
});

test('every setting is read somewhere', () => {
  // The tables declare them; the rules of the configuration count as readers.
  const sources = files
    .filter(({ file }) => !file.startsWith('config/settings/'))
    .map(({ text }) => text);
  const all = sources.join('\n');
  const unread = SETTING_NAMES.filter((name) => {
    const field = fieldPath(name).at(-1)!;
    return !new RegExp(`\\b${field}\\b`).test(all);
  });
  expect(unread).toEqual([]);
});

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!);
}

function isIn(file: string, home: string): boolean {
  return file === home || layerOf(file) === home;
}

function layerOf(file: string): string {
  const [top, second] = file.split('/');
  if (top !== 'src') return top!;
  return `src/${second}`;
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}
