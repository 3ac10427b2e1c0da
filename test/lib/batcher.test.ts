import { expect, test } from 'vitest';
import { type Batcher, type BatcherOptions, createBatcher } from '../../src/lib/batcher.ts';
import { eventually } from '../support/eventually.ts';

type Options = BatcherOptions<number, number>;

/** A batcher whose batches stand still until they are let go, one after the other. */
function createHeldBatcher(options: Partial<Options> = {}) {
  const batches: { items: readonly number[]; finish(): void; fail(error: Error): void }[] = [];
  const clock = { ms: 0 };
  const batcher = createBatcher<number, number>({
    name: 'test',
    maxBatch: 100,
    writers: 1,
    maxWaiting: 1_000,
    maxWaitMs: 60_000,
    monotonicMs: () => clock.ms,
    run: (items) =>
      new Promise((resolve, reject) => {
        const answers = items.map((item) => item * 2);
        batches.push({ items, finish: () => resolve(answers), fail: reject });
      }),
    ...options,
  });
  return { batcher, batches, clock };
}

const submitAll = (batcher: Batcher<number, number>, items: number[]) =>
  Promise.allSettled(items.map((item) => batcher.submit(item)));

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => from + index);

test('what arrives while a batch is in flight shares the next one, in order, within the cap', async () => {
  const { batcher, batches } = createHeldBatcher({ maxBatch: 10 });
  const first = batcher.submit(0);
  await eventually('the first batch is running', () => batches.length === 1);
  const others = submitAll(batcher, range(1, 26));
  expect(batcher.stats()).toEqual({ waiting: 25, inFlight: 1 });

  for (const [index, size] of [1, 10, 10, 5].entries()) {
    await eventually('the next batch is running', () => batches.length === index + 1);
    expect(batches[index]?.items).toHaveLength(size);
    batches[index]?.finish();
  }
  expect(await first).toBe(0);
  expect(await others).toEqual(
    range(1, 26).map((item) => ({ status: 'fulfilled', value: item * 2 })),
  );
  expect(batches.flatMap(({ items }) => items)).toEqual(range(0, 26));
});

test('as many batches are in flight as there are writers', async () => {
  const { batcher, batches } = createHeldBatcher({ maxBatch: 1, writers: 3 });
  const all = submitAll(batcher, range(0, 5));
  await eventually('three run', () => batches.length === 3);
  expect(batcher.stats()).toEqual({ waiting: 2, inFlight: 3 });
  await eventually('all have run', () => {
    for (const batch of batches) batch.finish();
    return batches.length === 5;
  });
  batches[4]?.finish();
  await all;
});

test('a burst fills a batch before the turn of the event loop ends, and a few wait for its end', async () => {
  const { batcher, batches } = createHeldBatcher({ writers: 3 });
  const all = submitAll(batcher, range(0, 150));
  expect(batches.map(({ items }) => items.length)).toEqual([64, 64]);
  expect(batcher.stats()).toEqual({ waiting: 22, inFlight: 2 });

  await eventually('the rest has followed', () => batches.length === 3);
  for (const batch of batches) batch.finish();
  expect((await all).map(({ status }) => status)).toEqual(Array(150).fill('fulfilled'));
  expect(batches.flatMap(({ items }) => items)).toEqual(range(0, 150));
});

test('an error among the answers fails its own item, a throw the items of its batch', async () => {
  const batcher = createBatcher<number, number>({
    name: 'test',
    maxBatch: 3,
    writers: 1,
    maxWaiting: 10,
    maxWaitMs: 1_000,
    monotonicMs: () => performance.now(),
    async run(items) {
      if (items.includes(4)) throw new Error('whole batch');
      return items.map((item) => (item === 1 ? new Error('own item') : item));
    },
  });
  const outcomes = await submitAll(batcher, range(0, 9));
  const text = outcomes.map((one) =>
    one.status === 'fulfilled' ? one.value : (one.reason as Error).message,
  );
  expect(text).toEqual([0, 'own item', 2, 'whole batch', 'whole batch', 'whole batch', 6, 7, 8]);
});

test('one more than may wait is refused at once, and its neighbours are not', async () => {
  const { batcher, batches } = createHeldBatcher({ maxWaiting: 3 });
  const first = batcher.submit(0);
  await eventually('it runs', () => batches.length === 1);
  const waiting = submitAll(batcher, [1, 2, 3]);
  await expect(batcher.submit(4)).rejects.toMatchObject({
    code: 'overloaded',
    retryAfterSeconds: 1,
  });
  batches[0]?.finish();
  await eventually('the others run', () => batches.length === 2);
  batches[1]?.finish();
  await first;
  expect((await waiting).map(({ status }) => status)).toEqual(Array(3).fill('fulfilled'));
});

test('what has waited too long is refused when its turn comes, and never runs', async () => {
  const { batcher, batches, clock } = createHeldBatcher();
  const first = batcher.submit(0);
  await eventually('it runs', () => batches.length === 1);
  const old = submitAll(batcher, [1, 2]);
  clock.ms += 61_000;
  const young = batcher.submit(3);
  batches[0]?.finish();
  await eventually('the next runs', () => batches.length === 2);
  expect(batches[1]?.items).toEqual([3]);
  batches[1]?.finish();
  expect(await young).toBe(6);
  expect(await old).toMatchObject(
    [1, 2].map(() => ({ status: 'rejected', reason: { code: 'overloaded' } })),
  );
  await first;
});

test('it is refused in time also while every writer is stuck', async () => {
  const { batcher, batches } = createHeldBatcher({
    maxWaitMs: 30,
    monotonicMs: () => performance.now(),
  });
  const stuck = batcher.submit(0);
  await eventually('it runs', () => batches.length === 1);
  await expect(batcher.submit(1)).rejects.toMatchObject({ code: 'overloaded' });
  expect(batcher.stats()).toEqual({ waiting: 0, inFlight: 1 });
  batches[0]?.finish();
  expect(await stuck).toBe(0);
});

test('a drain answers what was accepted, refuses the rest, and may be asked for twice', async () => {
  const { batcher, batches } = createHeldBatcher({ maxBatch: 2 });
  const accepted = submitAll(batcher, range(0, 5));
  let isDrained = false;
  const drains = Promise.all([batcher.drain(), batcher.drain()]).then(() => {
    isDrained = true;
  });
  await expect(batcher.submit(9)).rejects.toMatchObject({ code: 'overloaded' });
  for (const index of range(0, 3)) {
    await eventually('the next batch is running', () => batches.length === index + 1);
    expect(isDrained).toBe(false);
    if (index === 1) batches[index]?.fail(new Error('also an answer'));
    else batches[index]?.finish();
  }
  await drains;
  expect((await accepted).map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
  ]);
});

test('an idle batcher drains at once', async () => {
  await createHeldBatcher().batcher.drain();
});
