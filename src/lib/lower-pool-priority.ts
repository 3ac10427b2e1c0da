import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

const THREADS = '/proc/self/task';
const POOL_THREAD = 'libuv-worker';
const NICEST = 19;

/**
 * Lets the event loop go before libuv's thread pool when both want a core: with every core hashing,
 * a request that hashes nothing would otherwise wait for a hash's time slice at each of its steps. To be
 * called once the pool exists, that is after its first work. Linux only, where threads have a
 * priority of their own (setpriority(2), NOTES); elsewhere it does nothing.
 * @param levels how much nicer than the process is now, 0 to 19; threads that were there before the
 *   process changed its own priority did not follow it
 */
export function lowerPoolPriority(levels: number): void {
  if (process.platform !== 'linux') return;
  const level = Math.min(NICEST, getPriority() + levels);
  for (const thread of readdirSync(THREADS)) {
    if (nameOf(thread) === POOL_THREAD) setPriority(Number(thread), level);
  }
}

/** @returns empty for a thread that has ended meanwhile */
function nameOf(thread: string): string {
  try {
    return readFileSync(`${THREADS}/${thread}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}
