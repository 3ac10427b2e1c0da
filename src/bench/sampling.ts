import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../lib/clock.ts';

export interface Samples {
  /** Pairs of seconds since the start and value. */
  readonly points: readonly (readonly [number, number])[];
  /** Ends the sampling; a reading under way is awaited. */
  stop(): Promise<void>;
}

/** Reads something at once and then every `intervalMs`, never twice at the same time. */
export function startSampling(
  clock: Clock,
  read: () => Promise<number>,
  intervalMs = 1_000,
): Samples {
  const points: (readonly [number, number])[] = [];
  const startedAt = clock.monotonicMs();
  const ended = Promise.withResolvers<void>();
  let isStopped = false;

  async function loop(): Promise<void> {
    while (!isStopped) {
      const value = await read();
      points.push([(clock.monotonicMs() - startedAt) / 1_000, value]);
      await Promise.race([ended.promise, sleep(intervalMs, undefined, { ref: false })]);
    }
  }

  const looping = loop();
  // A failed reading is reported by `stop`, not as an unhandled rejection meanwhile.
  looping.catch(() => undefined);
  return {
    points,
    async stop() {
      isStopped = true;
      ended.resolve();
      await looping;
    },
  };
}
