import { AppError } from '../../errors.ts';

/** Whoever waits: requests go before background hashes. */
export type Lane = 'request' | 'background';

interface Waiter {
  start(): void;
}

export type Slots = ReturnType<typeof createSlots>;

/** A number of slots, each held by one hash, and the lanes of those that wait for one. */
export function createSlots(count: number) {
  // In order of arrival; leaving from the middle costs nothing.
  const lanes: Record<Lane, Set<Waiter>> = { request: new Set(), background: new Set() };
  const emptied = Promise.withResolvers<void>();
  let busy = 0;
  let isClosed = false;

  function wait(lane: Set<Waiter>, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        lane.delete(waiter);
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        start() {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      lane.add(waiter);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  return {
    count,
    busy: () => busy,
    waiting: (lane: Lane) => lanes[lane].size,

    /**
     * Resolves when a slot is the caller's, who passes it on. While a slot is free nobody waits.
     * @param signal leaves the lane when aborted
     * @throws AppError `unavailable` after `close`
     */
    async take(lane: Lane, signal?: AbortSignal): Promise<void> {
      if (isClosed) throw new AppError('unavailable');
      signal?.throwIfAborted();
      if (busy === count) return wait(lanes[lane], signal);
      busy += 1;
    },

    /** Hands a slot to the oldest request, else to the oldest background hash, else frees it. */
    passOn(): void {
      const lane = lanes.request.size > 0 ? lanes.request : lanes.background;
      const [next] = lane;
      if (next) {
        lane.delete(next);
        next.start();
        return;
      }
      busy -= 1;
      if (isClosed && busy === 0) emptied.resolve();
    },

    /** Lets nobody new in; resolves when all who were have passed their slots on. */
    close(): Promise<void> {
      isClosed = true;
      if (busy === 0) emptied.resolve();
      return emptied.promise;
    },
  };
}
