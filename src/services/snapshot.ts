import type { Clock } from '../lib/clock.ts';

export interface Snapshot<T> {
  /** The state, at most `maxAgeMs` old; reads it again first when it is older. Fails when it cannot. */
  get(): Promise<T>;
  /** The state as it is now: for a caller who met something that the state at hand does not know. */
  latest(): Promise<T>;
  /** Forgets what was read: the next `get` reads again. For the process that made a change. */
  invalidate(): void;
  /** Milliseconds since the state was last read, for the metrics. */
  ageMs(): number;
}

export interface SnapshotOptions<T> {
  readonly clock: Clock;
  readonly maxAgeMs: number;
  /** A cheap read that changes whenever the state does. */
  revision(): Promise<number>;
  load(): Promise<T>;
}

/**
 * Shared state that every request needs and that rarely changes (keys, domains).
 *
 * There is no feed that could die silently: whoever needs the state and finds it older than
 * `maxAgeMs` asks the database for its revision, once for all concurrent callers, and reloads when
 * that moved. A busy process asks at half that age and waits for nothing; an idle one asks nothing;
 * one that cannot reach the database fails closed.
 */
export function createSnapshot<T>(options: SnapshotOptions<T>): Snapshot<T> {
  const { clock, maxAgeMs } = options;
  let current: { state: T; revision: number } | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<T> | undefined;
  let readingNext: Promise<T> | undefined;
  /** Moves with every `invalidate`: what was being read then is nobody's state. */
  let generation = 0;

  async function read(): Promise<T> {
    const startedAt = clock.monotonicMs();
    const startedIn = generation;
    const revision = await options.revision();
    const isSame = current?.revision === revision;
    const next = current && isSame ? current : { state: await options.load(), revision };
    if (generation === startedIn) {
      current = next;
      // Counted from before the query: the answer is at least that old.
      readAt = startedAt;
    }
    return next.state;
  }

  function readOnce(): Promise<T> {
    if (reading) return reading;
    const begun = read().finally(() => {
      if (reading === begun) reading = undefined;
    });
    reading = begun;
    return begun;
  }

  async function readAfterThis(): Promise<T> {
    // A read under way may have looked before the caller's reason came up. Whoever began it reports
    // how it ends.
    await reading?.catch(() => undefined);
    readingNext = undefined;
    return readOnce();
  }

  return {
    get() {
      const ageMs = clock.monotonicMs() - readAt;
      if (!current || ageMs > maxAgeMs) return readOnce();
      // A failure concerns nobody yet: once the state is too old, `get` reads again and reports it.
      if (ageMs > maxAgeMs / 2) readOnce().catch(() => undefined);
      return Promise.resolve(current.state);
    },
    latest() {
      readingNext ??= readAfterThis();
      return readingNext;
    },
    invalidate() {
      readAt = Number.NEGATIVE_INFINITY;
      reading = undefined;
      generation += 1;
    },
    ageMs: () => clock.monotonicMs() - readAt,
  };
}
