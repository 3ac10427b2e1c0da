import { mac } from './mac.ts';
import { randomCode } from './random.ts';
import { groupCode, readTypedCode } from './typed-code.ts';

const CODE_LENGTH = 8;

/**
 * Draws a mailed code, `XXXX-XXXX`: 40 bits. Five tries a code leave a guesser one chance in
 * two hundred thousand million.
 */
export function createMailCode(): string {
  return groupCode(randomCode(CODE_LENGTH));
}

/** The bare form of a typed code; null where it cannot be one, which is a wrong code like any other. */
export function normaliseCode(typed: string): string | null {
  return readTypedCode(typed, CODE_LENGTH);
}

/**
 * What is stored of a code: 40 bits could be searched, so the digest is keyed, and bound to its
 * flow, so that equal codes look different and no code works for another flow.
 * @param flowDigest of the flow's token when the code was drawn
 * @param code as `createMailCode` or `normaliseCode` returns it
 */
export function digestMailCode(key: Buffer, flowDigest: Buffer, code: string): Buffer {
  return mac(key, 'authctl/mail-code/v1', flowDigest, code.replaceAll('-', ''));
}
