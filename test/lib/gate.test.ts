import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createGate } from '../../src/lib/gate.ts';

const PATIENCE_MS = 1_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Enters, notes when it is through, and hands over what makes it leave. */
function enter(gate: ReturnType<typeof createGate>, name: string, through: string[] = []) {
  return new Promise<() => void>((resolve, reject) => {
    const work = () => {
      through.push(name);
      return new Promise<void>((leave) => resolve(leave));
    };
    gate.run(work).catch(reject);
  });
}

test('so many are let through at a time, the others in the order in which they came', async () => {
  const gate = createGate(2, PATIENCE_MS);
  const through: string[] = [];
  const [first, , ...later] = ['a', 'b', 'c', 'd'].map((name) => enter(gate, name, through));
  const leave = await first!;
  expect(through).toEqual(['a', 'b']);
  leave();
  const leaveNext = await later[0]!;
  // Its place is taken again: who comes now waits behind the others.
  const newcomer = enter(gate, 'e', through);
  await vi.advanceTimersByTimeAsync(0);
  expect(through).toEqual(['a', 'b', 'c']);
  leaveNext();
  const leaveLast = await later[1]!;
  expect(through).toEqual(['a', 'b', 'c', 'd']);
  leaveLast();
  await newcomer;
  expect(through).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('who has waited too long is refused, and costs nobody a place', async () => {
  const gate = createGate(1, PATIENCE_MS);
  const leave = await enter(gate, 'first');
  const late = expect(enter(gate, 'late')).rejects.toMatchObject({
    code: 'unavailable',
    retryAfterSeconds: 1,
  });
  await vi.advanceTimersByTimeAsync(PATIENCE_MS);
  await late;
  const through: string[] = [];
  const next = enter(gate, 'next', through);
  leave();
  await vi.advanceTimersByTimeAsync(0);
  expect(through).toEqual(['next']);
  (await next)();
  await enter(gate, 'last', through);
  expect(through).toEqual(['next', 'last']);
});
