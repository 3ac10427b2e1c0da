import type { Config } from './config-types.ts';
import { fieldPath } from './names.ts';
import { configError, type Problem } from './problem.ts';
import { type Resolved, resolveSettings } from './resolve.ts';
import { checkRules, checkThreads } from './rules.ts';
import { SETTINGS, type SettingName } from './schema.ts';
import type { Setting } from './setting.ts';
import { type Given, readSources } from './sources.ts';

export type { Config } from './config-types.ts';
export { findWarnings } from './rules.ts';
export type { SettingName } from './schema.ts';
export type { Given } from './sources.ts';

/**
 * Reads all settings: flag, then environment, then configuration file, then default.
 * @throws AppError `config_invalid` listing every problem at once
 */
export function loadConfig(given: Given): Config {
  return load(given).config;
}

/** One line of `config show`. */
export interface SettingReport {
  readonly name: SettingName;
  /** As a person would type it, secrets masked; null without a value. */
  readonly value: string | null;
  readonly source: Resolved['source'];
  /** The flag, the variable, or the key and its file; null for a default. */
  readonly at: string | null;
}

/**
 * The value of every setting and where it came from.
 * @throws AppError `config_invalid` like `loadConfig`
 */
export function explainConfig(given: Given): SettingReport[] {
  return [...load(given).settings].map(([name, { value, source, at }]) => {
    const setting: Setting = SETTINGS[name];
    return { name, value: setting.print(value) || null, source, at: at ?? null };
  });
}

function load(given: Given): { settings: Map<SettingName, Resolved>; config: Config } {
  const problems: Problem[] = [];
  const settings = resolveSettings(readSources(given, problems), problems);
  const config = assemble(settings);
  // A rule that fails only because of a value already refused would blame the same setting twice.
  const refused = new Set(problems.map((problem) => problem.setting));
  const broken = [...checkRules(config), ...checkThreads(config, given.env['UV_THREADPOOL_SIZE'])];
  problems.push(...broken.filter((problem) => !refused.has(problem.setting)));
  if (problems.length > 0) throw configError(problems);
  return { settings, config };
}

type Node = { [field: string]: unknown };

function assemble(settings: ReadonlyMap<SettingName, Resolved>): Config {
  const config: Node = {};
  for (const [name, { value }] of settings) {
    const [first = '', second] = fieldPath(name);
    if (second === undefined) config[first] = value;
    else config[first] = { ...(config[first] as Node | undefined), [second]: value };
  }
  for (const section of Object.values(config)) Object.freeze(section);
  // The shape is what `Config` derives from the same table by the same rule.
  return Object.freeze(config) as unknown as Config;
}
