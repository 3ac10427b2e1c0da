import { describe, expect, it } from 'vitest';
import { startSampling } from '../../src/bench/sampling.ts';
import { systemClock } from '../../src/lib/clock.ts';

describe('sampling', () => {
  it('reads at once and then again and again, in order, until it is stopped', async () => {
    let reads = 0;
    const third = Promise.withResolvers<void>();
    const samples = startSampling(
      systemClock,
      async () => {
        reads += 1;
        if (reads === 3) third.resolve();
        return reads;
      },
      1,
    );
    await third.promise;
    await samples.stop();
    const stoppedAt = reads;
    expect(samples.points.map(([, value]) => value)).toEqual(
      Array.from({ length: stoppedAt }, (_, index) => index + 1),
    );
    const times = samples.points.map(([seconds]) => seconds);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('reports a failed reading when it is stopped', async () => {
    const samples = startSampling(systemClock, () => Promise.reject(new Error('gone')), 1);
    await expect(samples.stop()).rejects.toThrow('gone');
  });
});
