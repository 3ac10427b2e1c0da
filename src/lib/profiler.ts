import { Session } from 'node:inspector/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../errors.ts';

/** Profiles this process while it works. The results open in the browsers' developer tools. */
export interface Profiler {
  /** Where time goes: a `.cpuprofile`. @throws AppError `conflict` while another profile is taken */
  cpu(seconds: number): Promise<string>;
  /**
   * What allocates, sampled: a `.heapprofile`. Names of functions and sizes only; a snapshot of the
   * heap would hand out every secret in memory. @throws AppError `conflict`
   */
  heap(seconds: number): Promise<string>;
}

const ALLOCATIONS = {
  /** Mean bytes between two samples. */
  samplingInterval: 32_768,
  // What is allocated and soon thrown away costs time, too.
  includeObjectsCollectedByMajorGC: true,
  includeObjectsCollectedByMinorGC: true,
};

export function createProfiler(): Profiler {
  let isBusy = false;

  /** One at a time: two profiles in one process would measure each other. */
  async function withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    if (isBusy) throw new AppError('conflict', { text: 'A profile is being taken already.' });
    isBusy = true;
    const session = new Session();
    try {
      session.connect();
      return await work(session);
    } finally {
      session.disconnect();
      isBusy = false;
    }
  }

  return {
    cpu: (seconds) =>
      withSession(async (session) => {
        await session.post('Profiler.enable');
        await session.post('Profiler.start');
        await pause(seconds);
        return JSON.stringify((await session.post('Profiler.stop')).profile);
      }),
    heap: (seconds) =>
      withSession(async (session) => {
        await session.post('HeapProfiler.startSampling', ALLOCATIONS);
        await pause(seconds);
        return JSON.stringify((await session.post('HeapProfiler.stopSampling')).profile);
      }),
  };
}

/** Holds no process that wants to end. */
function pause(seconds: number): Promise<void> {
  return delay(seconds * 1_000, undefined, { ref: false });
}
