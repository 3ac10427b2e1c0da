import { describe, expect, test } from 'vitest';
import { parseCpuTime, readCpuTime, stolenShare } from '../../src/bench/stolen-time.ts';

/** As the kernel writes it; the last two (guest time) are part of the first two. */
const STAT = `cpu  1000 200 300 4000 50 0 60 390 70 80
cpu0 500 100 150 2000 25 0 30 195 35 40
intr 1
`;

describe('stolen time', () => {
  test('is the eighth field, and guest time is not counted twice', () => {
    expect(parseCpuTime(STAT)).toEqual({ total: 6_000, stolen: 390 });
  });

  test('is unknown where the system does not count it', () => {
    expect(parseCpuTime('cpu 1 2 3 4\n')).toBeNull();
    expect(parseCpuTime('')).toBeNull();
    expect(readCpuTime('/nonexistent')).toBeNull();
    expect(stolenShare(null, { total: 1, stolen: 1 })).toBe(0);
  });

  test('is a share of what passed between two readings', () => {
    const before = { total: 1_000, stolen: 10 };
    expect(stolenShare(before, { total: 1_200, stolen: 60 })).toBe(0.25);
    expect(stolenShare(before, before)).toBe(0);
  });

  test.runIf(process.platform === 'linux')('is read from this machine', () => {
    const now = readCpuTime();
    expect(now?.total).toBeGreaterThan(0);
    expect(now?.stolen).toBeGreaterThanOrEqual(0);
  });
});
