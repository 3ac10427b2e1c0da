import { existsSync, readFileSync } from 'node:fs';
import { parseDocument, type Scalar, visit } from 'yaml';
import { nearest } from '../src/lib/nearest.ts';
import { ENV_PREFIX, envName, flagName, isSecret, SETTING_NAMES } from './names.ts';
import type { Problem } from './problem.ts';
import type { SettingName } from './schema.ts';

/** Read when neither `--config` nor `AUTHCTL_CONFIG` names another; it may be missing. */
const DEFAULT_CONFIG_FILE = 'config/authctl.yaml';

const CONFIG_VARIABLE = 'AUTHCTL_CONFIG';

export interface Given {
  /** The process's environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Parsed flags by name without dashes (`hash-mode`); those that are no settings are passed over. */
  readonly flags?: Readonly<Record<string, unknown>> | undefined;
  /** The configuration file (`--config`); then it must exist. */
  readonly file?: string | undefined;
}

/** One place where settings are written: what each of its keys says, empty values left out. */
export interface Source {
  readonly kind: 'flag' | 'environment' | 'file';
  readonly values: ReadonlyMap<string, string>;
  /** The file it is read from, where it is one. */
  readonly path?: string;
  /** The key of a setting here, or of the file that holds it. */
  key(name: SettingName, holder?: 'file'): string;
  /** Where a person finds that key. */
  where(key: string): string;
}

/** The three sources, the strongest first. Unknown variables and keys are problems: they are typos. */
export function readSources(given: Given, problems: Problem[]): Source[] {
  const environment = environmentSource(given.env);
  const file = fileSource(given.file ?? (given.env[CONFIG_VARIABLE] || undefined), problems);
  const ours = [...environment.values.keys()].filter(isOurs);
  checkKeys(environment, ours, [CONFIG_VARIABLE], problems);
  checkKeys(file, [...file.values.keys()], [], problems);
  return [flagSource(given.flags ?? {}), environment, file];
}

/** The shell's completion keeps its own variables under our prefix. */
function isOurs(variable: string): boolean {
  return variable.startsWith(ENV_PREFIX) && !variable.startsWith(`${ENV_PREFIX}AC_`);
}

function flagSource(flags: Readonly<Record<string, unknown>>): Source {
  return {
    kind: 'flag',
    values: present(Object.entries(flags).map(([flag, value]) => [`--${flag}`, value])),
    key: (name, holder) => `--${flagName(name)}${holder ? '-file' : ''}`,
    where: (key) => key,
  };
}

function environmentSource(env: Given['env']): Source {
  return {
    kind: 'environment',
    values: present(Object.entries(env)),
    key: (name, holder) => `${envName(name)}${holder ? '_FILE' : ''}`,
    where: (key) => key,
  };
}

function fileSource(path: string | undefined, problems: Problem[]): Source {
  return {
    kind: 'file',
    path: path ?? DEFAULT_CONFIG_FILE,
    values: present(readConfigFile(path, problems)),
    key: (name, holder) => `${name}${holder ? '_file' : ''}`,
    where: (key) => `${key} in ${path ?? DEFAULT_CONFIG_FILE}`,
  };
}

function present(entries: Iterable<readonly [string, unknown]>): Map<string, string> {
  const values = new Map<string, string>();
  for (const [key, value] of entries) {
    if (value !== undefined && value !== '') values.set(key, String(value));
  }
  return values;
}

function readConfigFile(path: string | undefined, problems: Problem[]): [string, string][] {
  if (path === undefined && !existsSync(DEFAULT_CONFIG_FILE)) return [];
  const name = path ?? DEFAULT_CONFIG_FILE;
  const text = readText(name, problems);
  // The failsafe schema keeps every scalar as it was typed: no octal ports, no `off` as a boolean.
  const document = parseDocument(text, { schema: 'failsafe' });
  for (const error of document.errors) {
    problems.push({ at: name, what: error.message.replaceAll(/\s*\n\s*/g, ' ') });
  }
  if (document.errors.length > 0) return [];
  visit(document, {
    Scalar: (_key, scalar) => (isNull(scalar) ? document.createNode(null) : undefined),
  });
  const entries = flatten(document.toJS(), '', name, problems);
  for (const key of repeated(entries))
    problems.push({ at: `${key} in ${name}`, what: 'is given twice; keep one of the two.' });
  return entries;
}

/** YAML's words for no value, which that schema takes for text (YAML 1.2.2, §10.3.2). */
function isNull({ type, value }: Scalar): boolean {
  return type === 'PLAIN' && typeof value === 'string' && /^(~|null|Null|NULL)$/.test(value);
}

/** YAML itself refuses a key that is there twice, but not `hash.mode` beside `mode` under `hash`. */
function repeated(entries: readonly [string, string][]): string[] {
  const keys = entries.map(([key]) => key);
  return [...new Set(keys.filter((key, index) => keys.indexOf(key) !== index))];
}

function readText(path: string, problems: Problem[]): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    problems.push({ at: path, what: `cannot be read: ${(error as Error).message}` });
    return '';
  }
}

/** `hash: { mode: sync }` and `hash.mode: sync` mean the same; a YAML list is a comma-separated one. */
function flatten(
  node: unknown,
  key: string,
  file: string,
  problems: Problem[],
): [string, string][] {
  if (node === null || node === undefined) return [];
  if (typeof node === 'string') {
    if (key !== '') return [[key, node]];
    if (node !== '') problems.push({ at: file, what: 'holds plain text instead of settings.' });
    return [];
  }
  if (Array.isArray(node)) {
    if (key !== '' && node.every((item) => typeof item === 'string'))
      return [[key, node.join(',')]];
    problems.push({ at: key || file, what: 'is a list of something else than plain values.' });
    return [];
  }
  return Object.entries(node).flatMap(([word, inner]) =>
    flatten(inner, key === '' ? word : `${key}.${word}`, file, problems),
  );
}

function checkKeys(
  source: Source,
  used: readonly string[],
  others: readonly string[],
  problems: Problem[],
): void {
  const names = SETTING_NAMES.map((name) => source.key(name));
  const holders = SETTING_NAMES.filter(isSecret).map((name) => source.key(name, 'file'));
  const known = new Set([...names, ...holders, ...others]);
  for (const key of used) {
    if (known.has(key)) continue;
    const meant = nearest(key, known);
    const advice = meant ? ` Did you mean ${meant}?` : '';
    problems.push({ at: source.where(key), what: `there is no such setting.${advice}` });
  }
}
