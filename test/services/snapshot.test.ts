import { expect, test } from 'vitest';
import { createSnapshot } from '../../src/services/snapshot.ts';
import { createManualClock } from '../support/manual-clock.ts';

const MAX_AGE_MS = 500;

/** Shared state whose reads end when the test says so, with the revision they began with. */
function openState() {
  const clock = createManualClock();
  const pending: { answer: PromiseWithResolvers<void>; revision: number }[] = [];
  let revision = 1;
  const snapshot = createSnapshot<string>({
    clock,
    maxAgeMs: MAX_AGE_MS,
    async revision() {
      const read = { answer: Promise.withResolvers<void>(), revision };
      pending.push(read);
      await read.answer.promise;
      return read.revision;
    },
    load: async () => `state ${revision}`,
  });
  return {
    clock,
    snapshot,
    reads: () => pending.length,
    change() {
      revision += 1;
    },
    async finish(error?: Error) {
      const read = pending.shift()!;
      if (error) read.answer.reject(error);
      else read.answer.resolve();
      await new Promise(setImmediate);
    },
  };
}

async function openFresh() {
  const state = openState();
  const first = state.snapshot.get();
  await state.finish();
  expect(await first).toBe('state 1');
  return state;
}

test('all callers share one read, and while it is young nobody reads', async () => {
  const state = openState();
  const callers = Array.from({ length: 100 }, () => state.snapshot.get());
  expect(state.reads()).toBe(1);
  await state.finish();
  expect(new Set(await Promise.all(callers))).toEqual(new Set(['state 1']));
  state.clock.advance(MAX_AGE_MS / 2);
  expect(await state.snapshot.get()).toBe('state 1');
  expect(state.reads()).toBe(0);
});

test('past half its age a busy process reads again and waits for nothing', async () => {
  const state = await openFresh();
  state.change();
  state.clock.advance(MAX_AGE_MS / 2 + 1);
  for (let call = 0; call < 3; call += 1) expect(await state.snapshot.get()).toBe('state 1');
  expect(state.reads()).toBe(1);
  await state.finish();
  expect(await state.snapshot.get()).toBe('state 2');
});

test('the age counts from before the read, however long that takes', async () => {
  const state = openState();
  const first = state.snapshot.get();
  state.clock.advance(MAX_AGE_MS);
  await state.finish();
  expect(await first).toBe('state 1');
  state.change();
  state.clock.advance(1);
  const next = state.snapshot.get();
  await state.finish();
  expect(await next).toBe('state 2');
});

test('past its age everybody waits, and a failure is everybody’s', async () => {
  const state = await openFresh();
  state.clock.advance(MAX_AGE_MS / 2 + 1);
  expect(await state.snapshot.get()).toBe('state 1');
  await state.finish(new Error('away'));
  expect(await state.snapshot.get()).toBe('state 1');
  state.clock.advance(MAX_AGE_MS);
  const waiting = state.snapshot.get();
  await state.finish(new Error('away'));
  await expect(waiting).rejects.toThrow('away');
});

test('what was being read when the state was forgotten is nobody’s state', async () => {
  const state = await openFresh();
  state.clock.advance(MAX_AGE_MS / 2 + 1);
  await state.snapshot.get();
  state.change();
  state.snapshot.invalidate();
  const changed = state.snapshot.get();
  expect(state.reads()).toBe(2);
  await state.finish();
  const next = state.snapshot.get();
  await state.finish();
  expect(await next).toBe('state 2');
  expect(await changed).toBe('state 2');
  expect(await state.snapshot.get()).toBe('state 2');
});
