import { isUtf8 } from 'node:buffer';
import { AppError, type FieldError, fieldError } from '../../errors.ts';
import { escapePointer } from './pointer.ts';

export type JsonObject = Record<string, unknown>;

/** Arrays and objects inside each other, the outermost included. No request of ours needs more than 3. */
const MAX_DEPTH = 8;

/**
 * Reads a JSON object and refuses everything on which two readers could disagree.
 *
 * `JSON.parse` alone lets a duplicate key hide the first value from whoever checked it, makes a
 * `__proto__` key that poisons the next copy of the object, and passes on NUL (which PostgreSQL
 * text cannot hold) and lone surrogates (which change when written as UTF-8).
 *
 * @throws AppError `malformed_json`: not UTF-8, not JSON (RFC 8259), a duplicate key, a `__proto__` key,
 *   nested deeper than 8
 * @throws AppError `validation_failed`: not an object (`wrong_type`); NUL (`nul`) or a lone surrogate
 *   (`lone_surrogate`) in a string or a key
 */
export function parseStrictJson(bytes: Buffer): JsonObject {
  if (!isUtf8(bytes)) throw malformed('The body is not valid UTF-8.');
  const text = bytes.toString('utf8');
  const value = parse(text);
  if (!isObject(value)) throw fieldError('', 'wrong_type', 'The body must be a JSON object.');

  const keys = countKeys(value, 1);
  if (countKeyTokens(text) !== keys) throw malformed('The body has a duplicate key.');
  // Valid UTF-8 holds no surrogate, and JSON no bare NUL: both can only come from an escape.
  if (text.includes('\\u')) checkStrings(value);
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the input, which may be a password: it goes nowhere.
    throw malformed();
  }
}

function malformed(text?: string): AppError {
  return new AppError('malformed_json', { text });
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Counts the keys at every depth, and refuses what only a walk can see. */
function countKeys(container: object, depth: number): number {
  if (depth > MAX_DEPTH) throw malformed('The body is nested too deeply.');
  let count = 0;
  for (const [key, value] of Object.entries(container)) {
    if (key === '__proto__') throw malformed('The body has a key that is not allowed.');
    if (typeof value === 'object' && value !== null) count += countKeys(value, depth + 1);
    count += 1;
  }
  return Array.isArray(container) ? count - container.length : count;
}

/** Counts the string tokens that a colon follows, in text that is known to be valid JSON. */
function countKeyTokens(text: string): number {
  let count = 0;
  let open = text.indexOf('"');
  while (open !== -1) {
    const close = endOfString(text, open);
    if (isColonNext(text, close + 1)) count += 1;
    open = text.indexOf('"', close + 1);
  }
  return count;
}

function endOfString(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close;
}

/** An odd number of backslashes in front of a quote makes it part of the string. */
function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0;
  while (text[quote - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

function isColonNext(text: string, from: number): boolean {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1;
  return text[at] === ':';
}

/**
 * Refuses text that PostgreSQL cannot hold or that changes when written as UTF-8, at every depth.
 * @param prefix stands before each pointer: `/query` for the query string
 * @throws AppError `validation_failed`
 */
export function checkStrings(root: JsonObject, prefix = ''): void {
  const fields: FieldError[] = [];
  collectBadStrings(root, prefix, fields);
  if (fields.length > 0) throw new AppError('validation_failed', { fields });
}

function collectBadStrings(value: unknown, pointer: string, fields: FieldError[]): void {
  if (typeof value === 'string') {
    const code = badStringCode(value);
    if (code) fields.push({ pointer, code, detail: BAD_STRINGS[code] });
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    const code = badStringCode(key);
    // A pointer to such a key could not be written down either: name the object that holds it.
    if (code) fields.push({ pointer, code, detail: BAD_STRINGS[code] });
    else collectBadStrings(member, `${pointer}/${escapePointer(key)}`, fields);
  }
}

const BAD_STRINGS = {
  nul: 'Must not contain the NUL character.',
  lone_surrogate: 'Must be well-formed Unicode.',
} as const;

function badStringCode(text: string): keyof typeof BAD_STRINGS | null {
  if (text.includes('\0')) return 'nul';
  return text.isWellFormed() ? null : 'lone_surrogate';
}
