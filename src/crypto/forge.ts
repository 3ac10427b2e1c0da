import { AppError } from '../errors.ts';
import {
  type Argon2Cost,
  type Argon2Engine,
  type Argon2Params,
  isSameCost,
} from './argon2/engine.ts';
import { createHashRate } from './forge/hash-rate.ts';
import { createReturnTimes } from './forge/return-times.ts';
import { createSlots } from './forge/slots.ts';
import { HASH_BYTES } from './phc.ts';

export interface ForgeOptions {
  readonly engine: Argon2Engine;
  /** Hashes under way at once: this process's share of the host's cores. */
  readonly slots: number;
  /** The current cost; the measured rate is the rate of this cost. */
  readonly cost: Argon2Cost;
  /** Requests that may wait; a second's worth at the measured rate unless told. */
  readonly queueLimit?: number | undefined;
  readonly clock: { monotonicMs(): number };
  /** Told of each step, to measure it for whoever asked: `password.wait` and `password.hash`. */
  readonly step?: Step | undefined;
}

type Step = <T>(name: string, work: () => Promise<T>) => Promise<T>;

export interface ForgeStats {
  readonly slots: number;
  readonly busy: number;
  /** Requests that wait for a slot. */
  readonly queued: number;
  readonly queueLimit: number;
  /** Background hashes that wait until no request does. */
  readonly idleQueued: number;
  readonly completed: number;
  readonly rejected: number;
  /** Totals since the start, for counters: time requests waited, time engines worked. */
  readonly waitMs: number;
  readonly hashMs: number;
  /** Hashes a second at the current cost with all slots busy. */
  readonly ratePerSecond: number;
}

/** What computes password hashes for requests, each in a slot of the Forge. */
export interface Hasher {
  /**
   * Hashes for a request, in order of arrival.
   * @param params the current cost unless a stored hash asks for its own
   * @throws AppError `overloaded` at once when the queue is full, `unavailable` after `close`
   */
  hash(input: Buffer, salt: Buffer, params?: Argon2Params): Promise<Buffer>;
  /**
   * Computes a password hash of another kind, an imported user's, in a slot like `hash`.
   * @throws AppError as `hash` does
   */
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** A place in the queue that is kept for one request; its first hash takes it. */
export interface Reservation extends Hasher {
  /** Gives the place back if no hash has taken it. Callable more than once. */
  release(): void;
}

/** The one bounded pool through which every password hash of a process goes. */
export interface Forge extends Hasher {
  /**
   * Keeps a place for a request that has something to do before it hashes, or refuses it now: before
   * anything is spent on one that has no chance. In a crowd, hundreds would otherwise see the
   * same free place, and all but one prepare in vain.
   * @throws AppError `overloaded`
   */
  reserve(): Reservation;
  /**
   * Hashes in the background: starts only while no request waits. Its queue is the caller's to bound.
   * @param signal leaves the queue when aborted; a hash under way is finished and thrown away
   */
  idleHash(
    input: Buffer,
    salt: Buffer,
    params?: Argon2Params,
    signal?: AbortSignal,
  ): Promise<Buffer>;
  /** Whether a `hash` called in the same turn of the event loop starts at once. */
  hasFreeSlot(): boolean;
  ratePerSecond(): number;
  /** Measures the rate before the first request; without it a cautious guess stands. */
  calibrate(): Promise<number>;
  stats(): ForgeStats;
  /** Takes nothing new, finishes what it accepted. */
  close(): Promise<void>;
}

const unmeasured: Step = (_name, work) => work();

/**
 * Creates the pool. Unbounded hashing starves a Node process: 64 calls at once make name look-ups
 * wait for seconds, and finish later than one after the other. So `slots` hash, a second's worth
 * of requests waits, and everybody else is told at once.
 */
export function createForge(options: ForgeOptions): Forge {
  const { engine, clock, step = unmeasured } = options;
  const currentParams: Argon2Params = { ...options.cost, length: HASH_BYTES };
  const slots = createSlots(options.slots);
  const rate = createHashRate(options.slots);
  const returnTimes = createReturnTimes(clock);
  const totals = { completed: 0, rejected: 0, waitMs: 0, hashMs: 0 };
  /** Requests that have a place and are on their way to it. */
  let reserved = 0;

  const hasFreeSlot = () => slots.busy() < slots.count;

  function queueLimit(): number {
    return options.queueLimit ?? Math.max(slots.count, Math.floor(rate.perSecond()));
  }

  function ensureRoom(): void {
    const expected = slots.waiting('request') + reserved;
    if (expected < queueLimit() + slots.count - slots.busy()) return;
    totals.rejected += 1;
    const perSecond = rate.perSecond();
    const retryAfterSeconds = returnTimes.next(expected / perSecond, 1 / perSecond);
    throw new AppError('overloaded', { retryAfterSeconds });
  }

  /** @param enter what lets a request into the queue */
  function hasherBehind(enter: () => void): Hasher {
    async function run<T>(work: () => Promise<T>): Promise<T> {
      enter();
      const arrivedAt = clock.monotonicMs();
      const take = () => slots.take('request');
      await (hasFreeSlot() ? take() : step('password.wait', take));
      totals.waitMs += clock.monotonicMs() - arrivedAt;
      return useSlot(work);
    }
    return {
      run,
      hash: (input, salt, params = currentParams) => run(() => hashNow(input, salt, params)),
    };
  }

  function reserve(): Reservation {
    ensureRoom();
    reserved += 1;
    let isHeld = true;
    function release(): void {
      if (isHeld) reserved -= 1;
      isHeld = false;
    }
    return { release, ...hasherBehind(() => (isHeld ? release() : ensureRoom())) };
  }

  async function idleHash(
    input: Buffer,
    salt: Buffer,
    params = currentParams,
    signal?: AbortSignal,
  ): Promise<Buffer> {
    await slots.take('background', signal);
    return useSlot(() => hashNow(input, salt, params));
  }

  async function useSlot<T>(work: () => Promise<T>): Promise<T> {
    const startedAt = clock.monotonicMs();
    try {
      return await step('password.hash', work);
    } finally {
      totals.completed += 1;
      totals.hashMs += clock.monotonicMs() - startedAt;
      slots.passOn();
    }
  }

  async function hashNow(input: Buffer, salt: Buffer, params: Argon2Params): Promise<Buffer> {
    const startedAt = clock.monotonicMs();
    // A hash that has the machine to itself is faster than those of a crowd, which the rate is about.
    const countsFor = !hasFreeSlot() && isSameCost(params, options.cost);
    try {
      return await engine.hashRaw(input, salt, params);
    } finally {
      if (countsFor && !hasFreeSlot()) rate.measure(clock.monotonicMs() - startedAt);
    }
  }

  return {
    ...hasherBehind(ensureRoom),
    reserve,
    idleHash,
    hasFreeSlot,
    ratePerSecond: rate.perSecond,
    async calibrate() {
      const sample = Buffer.alloc(HASH_BYTES);
      const rounds = Array.from({ length: 3 * slots.count }, () => idleHash(sample, sample));
      await Promise.all(rounds);
      return rate.perSecond();
    },
    stats: () => ({
      ...totals,
      slots: slots.count,
      busy: slots.busy(),
      queued: slots.waiting('request'),
      queueLimit: queueLimit(),
      idleQueued: slots.waiting('background'),
      ratePerSecond: rate.perSecond(),
    }),
    close: () => slots.close(),
  };
}
