import type { Rule } from './rules.ts';

/** A rule applied to one thing: an address and its network, a user, a mailbox. */
export interface Counter {
  readonly rule: Rule;
  readonly key: string;
}

/** One counted hit. */
export interface Hit {
  /**
   * Makes it not have happened, if its window is still the current one. A counter that this hit had
   * filled is open again. Called once at most.
   */
  giveBack(): Promise<void>;
}

/** Either one hit of each counter, in their order, or the first counter that is full. */
export type Reservation =
  | { readonly full: null; readonly hits: readonly Hit[] }
  | { readonly full: Counter; readonly until: Date };

export type OneOrTwo = readonly [Counter] | readonly [Counter, Counter];

/**
 * Where counters live. Stores differ in where, never in what: one suite of tests holds for all.
 * Time is the caller's, so that every node, and every test, means the same by it.
 */
export interface CounterStore {
  /**
   * Counts one hit on each counter, or on none when one is full: what is refused costs nobody's
   * budget. Atomic for any number of callers. Callers name the counter that most of them share
   * last, and two that share several name them in the same order (no deadlock).
   */
  reserve(counters: OneOrTwo, now: Date): Promise<Reservation>;
  /** Forgets a counter: hits, block, and how often it was full. */
  clear(counter: Counter): Promise<void>;
}

/**
 * A counter that opens further ahead than any of its rule can, and this for nodes whose clocks differ, is
 * of a clock that has been set back since: it is over.
 */
export const CLOCK_SLACK_MS = 300_000;

/** Filling up more often than this changes nothing: any block has reached its longest by then. */
export const MOST_STRIKES = 10;
