import { AppError } from '../src/errors.ts';
import type { SettingName } from './schema.ts';

/** One thing wrong with the configuration. */
export interface Problem {
  /** The setting at fault; undefined where there is none, as for a mistyped name. */
  readonly setting?: SettingName | undefined;
  /** Where it is written: the flag, the variable, the file. */
  readonly at: string;
  /** What is wrong. Never holds a secret. */
  readonly what: string;
  readonly example?: string | undefined;
}

/** All problems as one error, so that an operator mends them in one go. */
export function configError(problems: readonly Problem[]): AppError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new AppError('config_invalid', {
    text: `The configuration has ${count}:\n${problems.map(describe).join('\n')}`,
    hint: 'all settings and their defaults are in docs/configuration.md',
    fields: problems.map(({ setting, at, what, example }) => ({
      pointer: setting ?? at,
      code: setting ? 'invalid' : 'unknown',
      detail: example ? `${what} Example: ${example}` : what,
    })),
  });
}

function describe({ setting, at, what, example }: Problem): string {
  const subject = setting ? `${setting} (${at})` : at;
  return `  - ${subject}: ${what}${example ? `\n    example: ${example}` : ''}`;
}
