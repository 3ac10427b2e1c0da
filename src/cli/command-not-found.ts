import { Errors, type Hook } from '@oclif/core';
import { AppError } from '../errors.ts';
import { nearest } from '../lib/nearest.ts';
import { presentFailure, printFailure, toFailure } from './failure.ts';

/** Runs when no command has the name that was typed: says what is near, and exits 2 like any misuse. */
const commandNotFound: Hook.CommandNotFound = async ({ id, argv, config }) => {
  const typed = id.replaceAll(':', ' ');
  const commands = config.commandIDs.map((name) => name.replaceAll(':', ' '));
  const failure = toFailure(explain(typed, commands), typed);
  if (argv?.includes('--json'))
    process.stdout.write(`${JSON.stringify(presentFailure(failure))}\n`);
  else printFailure(failure, [], process.stderr);
  throw new Errors.ExitError(failure.exitCode);
};

export default commandNotFound;

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
