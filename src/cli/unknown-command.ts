import { Errors, type Interfaces } from '@oclif/core';
import { AppError } from '../errors.ts';
import { nearest } from '../lib/nearest.ts';
import { presentFailure, printFailure, toFailure } from './failure.ts';

/**
 * Says that no command has the name that was typed, and what is near.
 * @param typed the words of the name, a blank between them
 * @throws ExitError 2, like any misuse
 */
export function refuseUnknownCommand(
  typed: string,
  config: Interfaces.Config,
  { asJson }: { asJson: boolean },
): never {
  const commands = config.commandIDs.map((name) => name.replaceAll(':', ' '));
  const failure = toFailure(explain(typed, commands), typed);
  if (asJson) process.stdout.write(`${JSON.stringify(presentFailure(failure))}\n`);
  else printFailure(failure, [], process.stderr);
  throw new Errors.ExitError(failure.exitCode);
}

/** A command without arguments swallows the words behind it: oclif then looks for one of that name. */
function explain(typed: string, commands: readonly string[]): AppError {
  const command = commands.find((name) => typed.startsWith(`${name} `));
  if (command !== undefined) {
    const extra = typed.slice(command.length + 1);
    const text = `\`${command}\` does not take the argument \`${extra}\`.`;
    return new AppError('usage', { text, hint: `authctl ${command} --help` });
  }
  const meant = nearest(typed, commands);
  const hint = meant ? `did you mean: authctl ${meant}` : 'authctl --help lists them all';
  return new AppError('usage', { text: `There is no command \`${typed}\`.`, hint });
}
