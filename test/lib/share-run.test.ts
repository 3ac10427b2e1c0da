import { expect, test } from 'vitest';
import { shareRun } from '../../src/lib/share-run.ts';

test('all who ask meanwhile share one run, and its failure; the next begins anew', async () => {
  const runs: PromiseWithResolvers<string>[] = [];
  const ask = shareRun(() => {
    const run = Promise.withResolvers<string>();
    runs.push(run);
    return run.promise;
  });
  const [first, second] = [ask(), ask()];
  expect(runs).toHaveLength(1);
  runs[0]!.reject(new Error('away'));
  await expect(first).rejects.toThrow('away');
  await expect(second).rejects.toThrow('away');

  const third = ask();
  expect(runs).toHaveLength(2);
  runs[1]!.resolve('back');
  expect(await third).toBe('back');
});
