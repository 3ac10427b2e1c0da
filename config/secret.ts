import { inspect } from 'node:util';

const MASK = '***';

/**
 * A value that must not be printed: `JSON.stringify`, `util.inspect`, string conversion and the log
 * all show `***`. Only an explicit `reveal()` gives it up, so that a reviewer can grep for it.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
