export interface Waiter {
  /** Ends the present wait, or makes the next one return at once. */
  wake(): void;
  /** Resolves when woken, after the longest time, or when the signal aborts. Never rejects. */
  wait(): Promise<void>;
}

/** What a loop rests on between two rounds: woken early, never later than `longestMs`. */
export function createWaiter(longestMs: number, signal: AbortSignal): Waiter {
  let isWoken = false;
  let end: (() => void) | undefined;
  return {
    wake() {
      isWoken = true;
      end?.();
    },
    wait() {
      if (isWoken || signal.aborted) {
        isWoken = false;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const timer = setTimeout(finish, longestMs);
        signal.addEventListener('abort', finish, { once: true });
        end = finish;
        function finish(): void {
          clearTimeout(timer);
          signal.removeEventListener('abort', finish);
          end = undefined;
          isWoken = false;
          resolve();
        }
      });
    },
  };
}
