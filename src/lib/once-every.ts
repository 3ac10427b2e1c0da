import type { Clock } from './clock.ts';

/**
 * Lets one of many through in a time: whoever has to say that something goes on failing asks first.
 * @returns whether the last yes, if any, was `everyMs` ago or longer; answering yes is counted as one
 */
export function onceEvery(everyMs: number, clock: Clock): () => boolean {
  let lastMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - lastMs < everyMs) return false;
    lastMs = nowMs;
    return true;
  };
}
