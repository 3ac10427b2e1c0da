import { stripVTControlCharacters, styleText } from 'node:util';
import { isUnavailable } from '../db/errors.ts';
import { AppError, type FieldError } from '../errors.ts';
import { fallbackHint } from './fallback-hint.ts';

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
    const { code, fields, exitCode } = error;
    const hint = error.hint ?? fallbackHint(code, command);
    return { code, message: ownWords(error.message), hint, fields, exitCode };
  }
  if (error instanceof Interrupted) {
    return { ...none, code: 'interrupted', message: error.message, exitCode: 130 };
  }
  if (isUsageError(error)) {
    const hint = `authctl ${command} --help`;
    return { ...none, code: 'usage', message: ownWords(error.message), hint, exitCode: 2 };
  }
  if (isUnavailable(error)) {
    const { exitCode } = new AppError('dependency_unreachable');
    return {
      ...none,
      code: 'dependency_unreachable',
      message: `PostgreSQL could not do it now: ${lastLine(error)}`,
      hint: 'try again; authctl doctor says what is wrong with it',
      exitCode,
    };
  }
  return {
    ...none,
    code: 'internal',
    message: `This should not have happened: ${error instanceof Error ? error.message : error}`,
    hint: 'run it again with DEBUG=1 to see where, and report it',
    exitCode: 1,
  };
}

/** The failure of a command that did its work, and whose words nobody can read. */
export function outputFailure(error: Error): Failure {
  return {
    code: 'forbidden',
    message: `Standard output cannot be written: ${error.message}`,
    hint: 'make room, or send it elsewhere; what the command has changed stays changed',
    fields: undefined,
    exitCode: 1,
  };
}

/**
 * Writes a failure for people: what happened, which input is at fault, then what to type.
 * @param flags the names of the command's flags, by which it is told what to call a field
 */
export function printFailure(
  { code, message, hint, fields = [] }: Failure,
  flags: readonly string[],
  stream: NodeJS.WriteStream,
): void {
  const lines = [`${styleText('red', 'error:', { stream })} ${printable(message)}`];
  // The configuration's own sentence lists its problems, with where each of them is written.
  const told = code === 'config_invalid' ? [] : fields.filter(({ detail }) => detail !== message);
  for (const { pointer, detail } of told)
    lines.push(`  - ${printable(`${inputName(pointer, flags)}: ${detail}`)}`);
  if (hint) lines.push(`${styleText('cyan', 'hint:', { stream })} ${printable(hint)}`);
  stream.write(`${lines.join('\n')}\n`);
}

/** Writes what is worth a second look though it was done. */
export function printWarning(text: string, stream: NodeJS.WriteStream): void {
  stream.write(`${styleText('yellow', 'warning:', { stream })} ${printable(text)}\n`);
}

/** A failure for programs; absent parts are left out. */
export function presentFailure({ code, message, hint, fields }: Failure) {
  return { error: { code, message, hint, fields } };
}

/** oclif puts words of its own, and colours, around what a flag's reader says. */
function ownWords(message: string): string {
  return stripVTControlCharacters(message)
    .replace(/\nSee more help with --help$/, '')
    .replace(/^Parsing (--\S+)\s*\n\s*/, '$1: ');
}

/** What the operator typed it as: `/device_name` is `--device-name` where there is such a flag. */
function inputName(pointer: string, flags: readonly string[]): string {
  const name = pointer.replace(/^\//, '').replaceAll('_', '-');
  return flags.includes(name) ? `--${name}` : name;
}

/** A name that somebody else chose must not move the cursor, colour the screen or turn the line round. */
function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]|\p{Bidi_Control}/gu, '\u{fffd}');
}

/** oclif's own complaints about flags, arguments and unknown commands carry its exit code 2. */
function isUsageError(error: unknown): error is Error {
  return error instanceof Error && 'oclif' in error;
}

/** Prisma's errors begin with where in our code they came from. */
function lastLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split('\n').at(-1) ?? text;
}
