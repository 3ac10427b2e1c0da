import { Args, Flags } from '@oclif/core';
import { isUuid } from '../crypto/random.ts';
import { AppError } from '../errors.ts';

/**
 * A flag that takes an id as we print it. Anything else is refused: it would find nothing, and look like
 * an answer.
 * @param hint where ids of this kind are to be found
 */
export function idFlag(summary: string, hint: string) {
  return Flags.string({ summary, helpValue: '<id>', parse: async (text) => parseId(text, hint) });
}

/** The same as an argument that may be given many times. */
export function idArgs(description: string, hint: string) {
  return Args.string({ multiple: true, description, parse: async (text) => parseId(text, hint) });
}

/** A flag that takes the id of a user. */
export function userIdFlag(summary: string) {
  return idFlag(summary, 'authctl users show <address or username> has it');
}

/** @throws AppError `usage` */
function parseId(text: string, hint: string): string {
  if (isUuid(text)) return text;
  throw new AppError('usage', { text: `${JSON.stringify(text)} is not an id.`, hint });
}
