import { AppError } from '../errors.ts';

export interface Gate {
  /**
   * Does the work once there is a place, in order of arrival.
   * @throws AppError `unavailable` after waiting too long
   */
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** Lets so many through at a time; the others wait, no longer than `patienceMs`. */
export function createGate(places: number, patienceMs: number): Gate {
  const waiting = new Set<() => void>();
  let free = places;

  function enter(): Promise<void> {
    if (free > 0) {
      free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(admit);
        reject(new AppError('unavailable', { retryAfterSeconds: 1 }));
      }, patienceMs);
      const admit = () => {
        clearTimeout(timer);
        resolve();
      };
      waiting.add(admit);
    });
  }

  function leave(): void {
    const [next] = waiting;
    if (!next) {
      free += 1;
      return;
    }
    waiting.delete(next);
    next();
  }

  return {
    async run(work) {
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
