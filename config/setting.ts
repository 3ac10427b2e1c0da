/** The kinds of setting: how each is read from text, written back, and described to a person. */
import { resolve } from 'node:path';
import { formatDuration, parseDuration } from '../src/lib/duration.ts';
import { formatSize, parseSize } from '../src/lib/size.ts';

type Kind =
  | 'text'
  | 'integer'
  | 'fraction'
  | 'switch'
  | 'choice'
  | 'duration'
  | 'size'
  | 'url'
  | 'list'
  | 'path'
  | 'secret';

/** One row of the table in `schema.ts`; `V` is the type the program sees. */
export interface Setting<V = unknown, K extends Kind = Kind> {
  readonly kind: K;
  /** One sentence for the operator. */
  readonly about: string;
  /** Completes "is not …": what a valid value looks like. */
  readonly expects: string;
  readonly example: string;
  /** The value used when none is given, as a person would type it; undefined means "no value". */
  readonly default: string | undefined;
  /** What happens when no value is given, where the default does not say it. */
  readonly without: string | undefined;
  /** The standard variable to read, where the name is not ours to choose. */
  readonly env: string | undefined;
  /** Reads one value; undefined means "not what is expected". */
  parse(text: string): V | undefined;
  /** The value as a person would type it, '' for none; secrets are masked. */
  print(value: V): string;
}

/** What the author of a setting says of it. */
export interface Words {
  readonly about: string;
  readonly example?: string;
  readonly without?: string;
  readonly env?: string;
}

type Optional<D, V> = D extends undefined ? V | undefined : V;

/** Free text on one line, optionally of a given form. */
export function text<const D extends string | undefined = undefined>(
  words: Words & { default?: D; form?: RegExp; expects?: string },
): Setting<Optional<D, string>, 'text'> {
  const form = words.form ?? /^[^\p{Cc}]{1,256}$/u;
  return define(words, 'text', words.expects ?? 'one line of text', words.default, (value) =>
    form.test(value) ? value : undefined,
  );
}

/** A whole number between two bounds. */
export function integer<const D extends number | undefined = undefined>(
  words: Words & { default?: D; min: number; max: number; unit?: string },
): Setting<Optional<D, number>, 'integer'> {
  const { min, max } = words;
  const unit = words.unit === undefined ? '' : ` ${words.unit}`;
  const expects = `a whole number from ${min} to ${max}${unit}`;
  return define(words, 'integer', expects, words.default?.toString(), (value) => {
    const number = /^\d{1,12}$/.test(value) ? Number(value) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  });
}

/** A part of a whole. */
export function fraction(words: Words & { default: number }): Setting<number, 'fraction'> {
  const expects = 'a number from 0 to 1';
  return define(words, 'fraction', expects, words.default.toString(), (value) => {
    const number = /^\d(\.\d{1,9})?$/.test(value) ? Number(value) : Number.NaN;
    return number <= 1 ? number : undefined;
  });
}

const SWITCH = new Map([
  ['on', true],
  ['true', true],
  ['yes', true],
  ['1', true],
  ['off', false],
  ['false', false],
  ['no', false],
  ['0', false],
]);

/** On or off. As a flag it takes no value: `--name`, `--no-name`. */
export function toggle(words: Words & { default: boolean }): Setting<boolean, 'switch'> {
  return define(
    words,
    'switch',
    'on or off',
    words.default ? 'on' : 'off',
    (value) => SWITCH.get(value.toLowerCase()),
    (value) => (value ? 'on' : 'off'),
  );
}

/** One of a few words. */
export function choice<const C extends string>(
  options: readonly C[],
  words: Words & { default: NoInfer<C> },
): Setting<C, 'choice'> {
  return define(words, 'choice', oneOf(options), words.default, (value) =>
    options.find((option) => option === value),
  );
}

/** A length of time, in milliseconds for the program; the field's name ends in `Ms`. */
export function duration(
  words: Words & { default: string; min: string; max: string },
): Setting<number, 'duration'> {
  const bounds = { min: milliseconds(words.min), max: milliseconds(words.max) };
  const expects = `a duration from ${words.min} to ${words.max}`;
  return define(
    words,
    'duration',
    expects,
    words.default,
    (value) => {
      const ms = parseDuration(value);
      return ms !== null && ms >= bounds.min && ms <= bounds.max ? ms : undefined;
    },
    formatDuration,
  );
}

/** A size of files, in bytes for the program; the field's name ends in `Bytes`. 0 is always taken. */
export function size(
  words: Words & { default: string; min: string; max: string },
): Setting<number, 'size'> {
  const bounds = {
    min: parseSize(words.min) ?? Number.NaN,
    max: parseSize(words.max) ?? Number.NaN,
  };
  const expects = `a size from ${words.min} to ${words.max}, or 0`;
  return define(
    words,
    'size',
    expects,
    words.default,
    (value) => {
      const bytes = parseSize(value);
      if (bytes === null || bytes === 0) return bytes ?? undefined;
      return bytes >= bounds.min && bytes <= bounds.max ? bytes : undefined;
    },
    formatSize,
  );
}

/** An http(s) address without credentials, query or fragment; kept without a trailing slash. */
export function httpUrl(words: Words): Setting<string | undefined, 'url'> {
  const expects = 'an http or https URL without credentials, query or fragment';
  return define(words, 'url', expects, undefined, (value) => {
    const url = URL.parse(value);
    if (!url || !['http:', 'https:'].includes(url.protocol)) return undefined;
    if (url.username || url.password || url.search || url.hash) return undefined;
    return url.href.replace(/\/+$/, '');
  });
}

/** A file or folder, made absolute against the working directory. */
export function path<const D extends string | undefined = undefined>(
  words: Words & { default?: D },
): Setting<Optional<D, string>, 'path'> {
  return define(words, 'path', 'a path', words.default, (value) =>
    value.includes('\0') ? undefined : resolve(value),
  );
}

/** Several values: separated by commas, or a YAML list. One bad item spoils the list. */
export function list<T extends string = string>(
  words: Words & { expects: string; item: (text: string) => T | undefined },
): Setting<readonly T[], 'list'> {
  return define(
    words,
    'list',
    words.expects,
    '',
    (value) => {
      const parts = value.split(',').map((part) => part.trim());
      const items = parts.filter((part) => part !== '').map((part) => words.item(part));
      if (items.includes(undefined)) return undefined;
      return Object.freeze([...new Set(items as T[])]);
    },
    (items) => items.join(','),
  );
}

/** Makes a kind of setting of its parts. */
export function define<V, K extends Kind>(
  words: Words,
  kind: K,
  expects: string,
  fallback: string | undefined,
  parse: (text: string) => NonNullable<V> | undefined,
  print: (value: NonNullable<V>) => string = String,
): Setting<V, K> {
  return Object.freeze({
    kind,
    about: words.about,
    expects,
    example: words.example ?? fallback ?? '',
    default: fallback,
    without: words.without,
    env: words.env,
    parse,
    print: (value: V) => (value == null ? '' : print(value)),
  });
}

function oneOf(options: readonly string[]): string {
  return `one of ${options.join(', ')}`;
}

function milliseconds(literal: string): number {
  const ms = parseDuration(literal);
  if (ms === null) throw new TypeError(`${literal} is not a duration`);
  return ms;
}
