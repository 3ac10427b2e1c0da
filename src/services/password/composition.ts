import type { FieldError } from '../../errors.ts';

export type CharacterKind = 'lower' | 'upper' | 'digit' | 'symbol';

interface Kind {
  readonly pattern: RegExp;
  readonly detail: string;
}

const KINDS: Readonly<Record<CharacterKind, Kind>> = {
  lower: { pattern: /\p{Ll}/u, detail: 'Use at least one lower-case letter.' },
  upper: { pattern: /\p{Lu}/u, detail: 'Use at least one upper-case letter.' },
  digit: { pattern: /\p{Nd}/u, detail: 'Use at least one digit.' },
  symbol: {
    pattern: /[^\p{L}\p{M}\p{N}]/u,
    detail: 'Use at least one character that is neither letter nor digit; a blank counts.',
  },
};

/** One problem for each required kind of character, of any script, that a password lacks. */
export function findMissingKinds(
  password: string,
  required: readonly CharacterKind[],
  pointer: string,
): FieldError[] {
  return required
    .filter((kind) => !KINDS[kind].pattern.test(password))
    .map((kind) => ({ pointer, code: `${kind}_missing`, detail: KINDS[kind].detail }));
}
