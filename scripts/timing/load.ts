import { forkLoad } from '../../src/bench/load/fork-load.ts';
import type { LoadPlan } from '../../src/bench/load/plan.ts';
import { OPEN_DOMAIN } from './scene.ts';

/** How busy a second client keeps the hashing pool: half of what it can do, or all. */
export type Load = 'half' | 'full';

/** Hashes that may wait while the pool is kept full: a short queue keeps a probe's turn near. */
export const FULL_QUEUE = 6;

const CAPACITY_MS = 3_000;
/** The generator runs no longer at a time. */
const HOUR_MS = 3_600_000;
/** A refused client leaves its place to a probe for a while, or no probe would ever get in. */
const PAUSE_MS = 100;

type Plan = Omit<LoadPlan, 'durationMs'>;

/** Signs nobody in, from a process of its own, until `work` is done. @param slots hashes at once */
export async function underLoad<T>(
  url: string,
  { load, slots }: { load: Load; slots: number },
  work: () => Promise<T>,
): Promise<T> {
  const plan: Plan = {
    url,
    scenario: { kind: 'login', emails: [`stranger@${OPEN_DOMAIN}`], password: 'not my password' },
    connections: slots + FULL_QUEUE,
    mostRestMs: PAUSE_MS,
  };
  const rate = load === 'half' ? { ratePerSecond: (await measureCapacity(plan)) / 2 } : {};
  const stop = new AbortController();
  const running = keepBusy({ ...plan, ...rate }, stop.signal);
  try {
    return await Promise.race([work(), running]);
  } finally {
    stop.abort();
    await running.catch(() => undefined);
  }
}

/** Ends by rejecting: when the signal aborts, or when the load fails and the measurement with it. */
async function keepBusy(plan: Plan, signal: AbortSignal): Promise<never> {
  for (;;) await forkLoad({ ...plan, durationMs: HOUR_MS }, { signal });
}

async function measureCapacity(plan: Plan): Promise<number> {
  const warmupMs = CAPACITY_MS / 3;
  const result = await forkLoad({ ...plan, durationMs: CAPACITY_MS, warmupMs });
  return result.measuredResponses / result.measuredSeconds;
}
