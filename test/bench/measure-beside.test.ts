import { expect, test } from 'vitest';
import { measureBeside } from '../../src/bench/measure-beside.ts';

test('a run is compared with what was possible just before and just after it', async () => {
  const order: string[] = [];
  const speeds = [100, 200, 400];
  const { runs, limits } = await measureBeside(
    2,
    async () => {
      order.push('limit');
      return speeds.shift()!;
    },
    async (round) => {
      order.push(`run ${round}`);
      return round;
    },
  );
  expect(order).toEqual(['limit', 'run 0', 'limit', 'run 1', 'limit']);
  expect(runs).toEqual([0, 1]);
  expect(limits).toEqual([150, 300]);
});
