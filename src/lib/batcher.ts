import { AppError } from '../errors.ts';
import { NO_TRACER, type Place, type Tracer } from './tracer.ts';

export interface BatcherOptions<In, Out> {
  /** Items in one batch at most. */
  readonly maxBatch: number;
  /** Batches in flight at most. */
  readonly writers: number;
  /** Items waiting at most; one more is refused at once with `overloaded`. */
  readonly maxWaiting: number;
  /** An item that has waited longer is refused instead of run: its caller has given up. */
  readonly maxWaitMs: number;
  readonly monotonicMs: () => number;
  /** What a batch is called where it is traced. */
  readonly name: string;
  readonly tracer?: Tracer | undefined;
  /**
   * Runs one batch; the answers stand in the order of the items, an `Error` failing its own item.
   * A throw fails the whole batch.
   */
  run(items: readonly In[]): Promise<readonly (Out | Error)[]>;
}

export interface Batcher<In, Out> {
  /** @throws AppError `overloaded` when the intake is full or the item waited too long. */
  submit(item: In): Promise<Out>;
  /** Refuses new items, runs what waits, resolves when all is answered. Callable more than once. */
  drain(): Promise<void>;
  stats(): { waiting: number; inFlight: number };
}

interface Entry<In, Out> {
  readonly item: In;
  readonly since: number;
  readonly place: Place | null;
  resolve(out: Out): void;
  reject(error: unknown): void;
}

/**
 * A free writer takes so many at once; fewer wait for the event loop's turn to end, to share a batch
 * with what else arrived. A turn may bring hundreds: if they all waited for its end, they would move
 * as one herd, and database and process work by turns instead of side by side.
 */
const WORTH_A_BATCH = 64;

/**
 * Collects items while every writer has a batch in flight. There is no fixed wait: a lone item goes
 * straight through, and a burst fills its batches by itself.
 */
export function createBatcher<In, Out>(options: BatcherOptions<In, Out>): Batcher<In, Out> {
  const { name, tracer = NO_TRACER } = options;
  let waiting: Entry<In, Out>[] = [];
  let inFlight = 0;
  let scheduled = false;
  let expiry: NodeJS.Timeout | undefined;
  let draining: PromiseWithResolvers<void> | undefined;

  function schedule(): void {
    if (waiting.length === 0 || inFlight >= options.writers) return;
    if (waiting.length >= WORTH_A_BATCH) flush();
    else if (!scheduled) flushAfterTurn();
  }

  function flushAfterTurn(): void {
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      flush();
    });
  }

  function flush(): void {
    while (waiting.length > 0 && inFlight < options.writers) {
      const taken =
        waiting.length <= options.maxBatch ? waiting : waiting.slice(0, options.maxBatch);
      waiting = taken === waiting ? [] : waiting.slice(options.maxBatch);
      void runBatch(dropStale(taken));
    }
  }

  /** Refuses what has waited too long, also while every writer is stuck. */
  function expire(): void {
    expiry = undefined;
    waiting = dropStale(waiting);
    watchExpiry();
    settle();
  }

  function watchExpiry(): void {
    const [oldest] = waiting;
    if (expiry || !oldest) return;
    // One more, because a timer may fire a fraction early.
    const ms = oldest.since + options.maxWaitMs - options.monotonicMs() + 1;
    expiry = setTimeout(expire, Math.max(1, ms));
    expiry.unref();
  }

  function dropStale(entries: Entry<In, Out>[]): Entry<In, Out>[] {
    const oldest = options.monotonicMs() - options.maxWaitMs;
    if (entries[0] === undefined || entries[0].since >= oldest) return entries;
    for (const entry of entries) if (entry.since < oldest) entry.reject(overloaded());
    return entries.filter((entry) => entry.since >= oldest);
  }

  async function runBatch(entries: Entry<In, Out>[]): Promise<void> {
    if (entries.length === 0) return settle();
    inFlight += 1;
    try {
      const items = entries.map((entry) => entry.item);
      const answers = await tracer.shared(name, entries, () => options.run(items));
      entries.forEach((entry, index) => {
        const answer = answers[index] as Out | Error;
        if (answer instanceof Error) entry.reject(answer);
        else entry.resolve(answer);
      });
    } catch (error) {
      for (const entry of entries) entry.reject(error);
    }
    inFlight -= 1;
    flush();
    settle();
  }

  function settle(): void {
    if (inFlight === 0 && waiting.length === 0) draining?.resolve();
  }

  return {
    submit(item) {
      if (draining || waiting.length >= options.maxWaiting) return Promise.reject(overloaded());
      return new Promise<Out>((resolve, reject) => {
        const place = tracer.place();
        waiting.push({ item, since: options.monotonicMs(), place, resolve, reject });
        schedule();
        watchExpiry();
      });
    },
    drain() {
      draining ??= Promise.withResolvers();
      flush();
      settle();
      return draining.promise;
    },
    stats: () => ({ waiting: waiting.length, inFlight }),
  };
}

function overloaded(): AppError {
  return new AppError('overloaded', { retryAfterSeconds: 1 });
}
