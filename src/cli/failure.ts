import { styleText } from 'node:util';
import { AppError, type FieldError } from '../errors.ts';

/** A command's end that is not success, as people and programs read it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly fields: readonly FieldError[] | undefined;
  /** 1 refused or failed, 2 usage or configuration, 3 dependency unreachable, 4 schema, 130 interrupted. */
  readonly exitCode: number;
}

/** Thrown where a command was stopped by a signal before it was done. */
export class Interrupted extends Error {
  constructor() {
    super('Interrupted.');
    this.name = 'Interrupted';
  }
}

/**
 * The one place where an error becomes a text and an exit code, so that plain runs and `--json` agree.
 * @param command what was typed after the program's name, for the hint of a usage error
 */
export function toFailure(error: unknown, command: string): Failure {
  const none = { hint: undefined, fields: undefined };
  if (error instanceof AppError) {
    const { code, message, hint, fields, exitCode } = error;
    return { code, message, hint, fields, exitCode };
  }
  if (error instanceof Interrupted) {
    return { ...none, code: 'interrupted', message: error.message, exitCode: 130 };
  }
  if (isUsageError(error)) {
    const message = error.message
      .replace(/\nSee more help with --help$/, '')
      .replace(/^Parsing (--\S+)\s*\n\s*/, '$1: ');
    const hint = `authctl ${command} --help`;
    return { ...none, code: 'usage', message, hint, exitCode: 2 };
  }
  return {
    ...none,
    code: 'internal',
    message: `This should not have happened: ${error instanceof Error ? error.message : error}`,
    hint: 'run it again with DEBUG=1 to see where, and report it',
    exitCode: 1,
  };
}

/** Writes a failure for people: what happened, then what to type. */
export function printFailure({ message, hint }: Failure, stream: NodeJS.WriteStream): void {
  stream.write(`${styleText('red', 'error:', { stream })} ${message}\n`);
  if (hint) stream.write(`${styleText('cyan', 'hint:', { stream })} ${hint}\n`);
}

/** The same for programs; absent parts are left out. */
export function presentFailure({ code, message, hint, fields }: Failure) {
  return { error: { code, message, hint, fields } };
}

/** oclif's own complaints about flags, arguments and unknown commands carry its exit code 2. */
function isUsageError(error: unknown): error is Error {
  return error instanceof Error && 'oclif' in error;
}
