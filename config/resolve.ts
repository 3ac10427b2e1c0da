import { readFileSync, statSync } from 'node:fs';
import { isSecret, SETTING_NAMES } from './names.ts';
import type { Problem } from './problem.ts';
import { SETTINGS, type SettingName } from './schema.ts';
import type { Setting } from './setting.ts';
import type { Source } from './sources.ts';

/** What a setting came to, and where from. */
export interface Resolved {
  readonly value: unknown;
  readonly source: Source['kind'] | 'default';
  /** The flag, the variable, or the key and its file; undefined for a default. */
  readonly at: string | undefined;
}

/** Takes each setting from the strongest source that has it. A bad value is a problem and falls back. */
export function resolveSettings(
  sources: readonly Source[],
  problems: Problem[],
): Map<SettingName, Resolved> {
  return new Map(
    SETTING_NAMES.map((name) => [name, resolve(name, sources, problems) ?? fallback(name)]),
  );
}

function resolve(
  name: SettingName,
  sources: readonly Source[],
  problems: Problem[],
): Resolved | undefined {
  const setting: Setting = SETTINGS[name];
  const source = sources.find((candidate) => isWrittenIn(candidate, name));
  if (!source) return undefined;
  const { text, at } = readFrom(source, name, problems);
  if (text === undefined) return undefined;
  const value = setting.parse(text);
  if (value !== undefined) return { value, source: source.kind, at };
  const shown = isSecret(name) ? 'the value' : JSON.stringify(text);
  const what = `${shown} is not ${setting.expects}.`;
  problems.push({ setting: name, at, what, example: setting.example });
  return undefined;
}

function fallback(name: SettingName): Resolved {
  const setting: Setting = SETTINGS[name];
  const value = setting.default === undefined ? undefined : setting.parse(setting.default);
  return { value, source: 'default', at: undefined };
}

function isWrittenIn(source: Source, name: SettingName): boolean {
  if (source.values.has(source.key(name))) return true;
  return isSecret(name) && source.values.has(source.key(name, 'file'));
}

/** The text of a setting; undefined when it cannot be had, which is a problem by then. */
function readFrom(
  source: Source,
  name: SettingName,
  problems: Problem[],
): { text: string | undefined; at: string } {
  const key = source.key(name);
  const text = source.values.get(key);
  const holderKey = source.key(name, 'file');
  const path = isSecret(name) ? source.values.get(holderKey) : undefined;
  if (path === undefined)
    return { text: readInline(name, source, problems), at: source.where(key) };
  const at = source.where(holderKey);
  if (text === undefined) return { text: readHolder(name, at, path, problems), at };
  problems.push({ setting: name, at, what: `${key} is set as well; keep one of the two.` });
  return { text: undefined, at };
}

/** What a source says itself. A master key in a file that everybody can read is not used. */
function readInline(name: SettingName, source: Source, problems: Problem[]): string | undefined {
  const key = source.key(name);
  const isExposed = source.path && isMasterKey(name) && isReadableByAll(source.path);
  if (!isExposed) return source.values.get(key);
  problems.push({ setting: name, at: source.where(key), ...exposed(source.path) });
  return undefined;
}

function exposed(path: string): Pick<Problem, 'what' | 'example'> {
  return { what: `every user of this machine can read ${path}.`, example: `chmod 600 ${path}` };
}

/** Reads the file that holds a secret; blanks and line ends around it do not count. */
function readHolder(
  name: SettingName,
  at: string,
  path: string,
  problems: Problem[],
): string | undefined {
  try {
    if (isMasterKey(name) && isReadableByAll(path)) {
      problems.push({ setting: name, at, ...exposed(path) });
      return undefined;
    }
    const text = readFileSync(path, 'utf8').trim();
    if (text !== '') return text;
    problems.push({ setting: name, at, what: `the file ${path} is empty.` });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    problems.push({ setting: name, at, what: `the file cannot be read: ${why}` });
  }
  return undefined;
}

function isMasterKey(name: SettingName): boolean {
  return name === 'master_key' || name === 'master_key_next';
}

/**
 * A group may read it, as container secrets often need; what everyone can read protects nothing. A folder
 * holds no key: reading it says so, where advice about its mode would close `/tmp` to everybody.
 */
function isReadableByAll(path: string): boolean {
  if (process.platform === 'win32') return false;
  const found = statSync(path);
  return !found.isDirectory() && (found.mode & 0o004) !== 0;
}
