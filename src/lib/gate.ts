import { AppError } from '../errors.ts';

export interface Gate {
  /**
   * Waits for a place, in order of arrival.
   * @returns gives the place back; to be called once
   * @throws AppError `unavailable` after waiting too long
   */
  enter(): Promise<() => void>;
}

/** Lets so many through at a time; the others wait, no longer than `patienceMs`. */
export function createGate(places: number, patienceMs: number): Gate {
  const waiting = new Set<() => void>();
  let free = places;

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
    enter() {
      if (free > 0) {
        free -= 1;
        return Promise.resolve(leave);
      }
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(admit);
          reject(new AppError('unavailable', { retryAfterSeconds: 1 }));
        }, patienceMs);
        const admit = () => {
          clearTimeout(timer);
          resolve(leave);
        };
        waiting.add(admit);
      });
    },
  };
}
