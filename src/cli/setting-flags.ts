import { Flags } from '@oclif/core';
import type { SettingName } from '../../config/index.ts';
import { envName, flagName, isSecret, SETTING_NAMES } from '../../config/names.ts';
import { SETTINGS } from '../../config/schema.ts';
import type { Setting } from '../../config/setting.ts';

/**
 * Settings as flags of a command. Their type shows none of them: they are read through
 * `this.settings`, which knows all sources and checks the values.
 */
export function settingFlags(names: readonly SettingName[]): Record<never, never> {
  return Object.fromEntries(names.map((name) => toFlag(name, false)));
}

/** Every setting as a flag; help lists only the ones named, the reference lists them all. */
export function allSettingFlags(shown: readonly SettingName[]): Record<never, never> {
  return Object.fromEntries(SETTING_NAMES.map((name) => toFlag(name, !shown.includes(name))));
}

/**
 * Settings that were given as flags, as environment variables: for a child process. A secret's file
 * empties the variable of its value, or the child would find both and refuse.
 */
export function toEnvironment(
  flags: Readonly<Record<string, unknown>> = {},
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of SETTING_NAMES) {
    const value = flags[flagName(name)];
    const file = flags[`${flagName(name)}-file`];
    if (value !== undefined) environment[envName(name)] = String(value);
    if (file === undefined || !isSecret(name)) continue;
    environment[envName(name)] = '';
    environment[`${envName(name)}_FILE`] = String(file);
  }
  return environment;
}

function toFlag(name: SettingName, hidden: boolean): [string, object] {
  const setting: Setting = SETTINGS[name];
  const words = { helpGroup: 'SETTINGS', hidden, summary: summaryOf(setting) };
  if (setting.kind === 'switch')
    return [flagName(name), Flags.boolean({ ...words, allowNo: true })];
  if (!isSecret(name)) return [flagName(name), Flags.string({ ...words, helpValue: '<value>' })];
  // A secret on the command line would be readable by every user of the machine.
  const flag = Flags.string({ ...words, helpValue: '<path>', summary: `File: ${words.summary}` });
  return [`${flagName(name)}-file`, flag];
}

function summaryOf({ about, default: fallback, without }: Setting): string {
  const otherwise = without ?? fallback;
  return otherwise ? `${about} [${otherwise}]` : about;
}
