/** One name in every form: `hash.memory_kib`, `AUTHCTL_HASH_MEMORY_KIB`, `--hash-memory-kib`. */
import { SETTINGS, type SettingName } from './schema.ts';

export const ENV_PREFIX = 'AUTHCTL_';

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** The environment variable of a setting: dots become underscores, in capitals, after `AUTHCTL_`. */
export function envName(name: SettingName): string {
  return SETTINGS[name].env ?? ENV_PREFIX + name.replaceAll('.', '_').toUpperCase();
}

/** The flag of a setting, without its dashes: dots and underscores become dashes. */
export function flagName(name: SettingName): string {
  return name.replaceAll(/[._]/g, '-');
}

/** Where the value lives in `Config`: camel case, `Ms` after a duration, `Bytes` after a size. */
export function fieldPath(name: SettingName): string[] {
  const path = name.split('.').map(camelCase);
  if (SETTINGS[name].kind === 'duration') path.push(`${path.pop()}Ms`);
  if (SETTINGS[name].kind === 'size') path.push(`${path.pop()}Bytes`);
  return path;
}

/** Whether the value can also be given as a file that holds it, under the name with `_file` behind. */
export function isSecret(name: SettingName): boolean {
  return SETTINGS[name].kind === 'secret';
}

function camelCase(word: string): string {
  return word.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
