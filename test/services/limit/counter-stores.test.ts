import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Counter, CounterStore, Hit } from '../../../src/services/limit/counter-store.ts';
import { createLocalStore } from '../../../src/services/limit/local-store.ts';
import type { Rule } from '../../../src/services/limit/rules.ts';
import { whyNoRedis } from '../../support/redis.ts';
import { STORE_KINDS, type StoreUnderTest } from './stores.ts';

const MINUTE_MS = 60_000;
const PLAIN: Rule = { name: 'plain', limit: 5, windowMs: 5 * MINUTE_MS, longestBlockMs: 0 };
const BLOCKING: Rule = { ...PLAIN, name: 'blocking', longestBlockMs: 15 * MINUTE_MS };
const WIDE: Rule = { name: 'wide', limit: 20, windowMs: 60 * MINUTE_MS, longestBlockMs: 0 };
const START = new Date('2026-03-01T12:00:00.123Z');

function later(milliseconds: number): Date {
  return new Date(START.getTime() + milliseconds);
}

/** A counter nobody has used. */
function counter(rule: Rule): Counter {
  return { rule, key: `${rule.name}:${randomUUID()}` };
}

describe.each(STORE_KINDS)('counters $name', ({ name, isMissing, open }) => {
  if (isMissing) {
    test.skip(`${name}: ${whyNoRedis}`);
    return;
  }

  let opened: StoreUnderTest;
  let store: CounterStore;
  beforeAll(async () => {
    opened = await open();
    store = opened.store;
  });
  afterAll(() => opened.close());

  /** Takes one hit; the counter must have room. */
  async function take(on: Counter, now = START): Promise<Hit> {
    const reservation = await store.reserve([on], now);
    if (reservation.full) throw new Error('the counter is full');
    return reservation.hits[0]!;
  }

  /** When a counter that must be full takes hits again. */
  async function refusedUntil(on: Counter, now = START): Promise<Date | null> {
    const reservation = await store.reserve([on], now);
    return reservation.full ? reservation.until : null;
  }

  async function fill(on: Counter, now = START): Promise<Hit[]> {
    const hits: Hit[] = [];
    for (let hit = 0; hit < on.rule.limit; hit += 1) hits.push(await take(on, now));
    return hits;
  }

  test('a window takes as many hits as its limit, and the next one after it as many again', async () => {
    const on = counter(PLAIN);
    await take(on, START);
    await take(on, later(4 * MINUTE_MS));
    for (let hit = 0; hit < 3; hit += 1) await take(on, later(4 * MINUTE_MS));
    expect(await refusedUntil(on, later(4 * MINUTE_MS))).toEqual(later(5 * MINUTE_MS));
    expect(await refusedUntil(on, later(5 * MINUTE_MS - 1))).toEqual(later(5 * MINUTE_MS));
    await fill(on, later(5 * MINUTE_MS));
    expect(await refusedUntil(on, later(6 * MINUTE_MS))).toEqual(later(10 * MINUTE_MS));
  });

  test('a counter that blocks does so for 5, 10, 15 and never more than 15 minutes', async () => {
    const on = counter(BLOCKING);
    let at = 0;
    for (const minutes of [5, 10, ...Array<number>(14).fill(15)]) {
      await fill(on, later(at));
      at += minutes * MINUTE_MS;
      expect(await refusedUntil(on, later(at - 1))).toEqual(later(at));
    }
  });

  test('a block is as long as its window at least, also when it began late in the window', async () => {
    const on = counter(BLOCKING);
    await take(on, START);
    for (let hit = 0; hit < 4; hit += 1) await take(on, later(4 * MINUTE_MS));
    expect(await refusedUntil(on, later(5 * MINUTE_MS))).toEqual(later(9 * MINUTE_MS));
  });

  test('a block of a clock that has been set back since is over; clocks may differ a little', async () => {
    for (const rule of [PLAIN, BLOCKING]) {
      const ahead = counter(rule);
      await fill(ahead, later(30 * 24 * 60 * MINUTE_MS));
      expect(await refusedUntil(ahead)).toBeNull();
      await fill(counter(rule));
      const skewed = counter(rule);
      await fill(skewed, later(MINUTE_MS));
      expect(await refusedUntil(skewed)).not.toBeNull();
    }
  });

  test('a refused hit makes no block longer', async () => {
    const on = counter(BLOCKING);
    await fill(on);
    for (let hit = 0; hit < 20; hit += 1)
      expect(await refusedUntil(on, later(hit * 1_000))).toEqual(later(5 * MINUTE_MS));
  });

  test('blocks start short again after a quiet time as long as the longest', async () => {
    const on = counter(BLOCKING);
    await fill(on);
    await fill(on, later(20 * MINUTE_MS - 1));
    expect(await refusedUntil(on, later(20 * MINUTE_MS))).toEqual(later(30 * MINUTE_MS - 1));
    await fill(on, later(45 * MINUTE_MS));
    expect(await refusedUntil(on, later(45 * MINUTE_MS))).toEqual(later(50 * MINUTE_MS));
  });

  test('of 200 parallel callers never more than the limit get through', async () => {
    const on = counter(BLOCKING);
    const results = await Promise.all(
      Array.from({ length: 200 }, () => store.reserve([on], START)),
    );
    expect(results.filter(({ full }) => full === null)).toHaveLength(5);
    expect(await refusedUntil(on)).toEqual(later(5 * MINUTE_MS));
  });

  test('of 200 parallel callers from 100 counters never more than the shared limit get through', async () => {
    const shared = counter(WIDE);
    const own = Array.from({ length: 100 }, () => counter(PLAIN));
    const results = await Promise.all(
      [...own, ...own].map(async (one) => ({
        one,
        result: await store.reserve([one, shared], START),
      })),
    );
    expect(results.filter(({ result }) => result.full === null)).toHaveLength(20);
    for (const { result } of results.filter(({ result }) => result.full))
      expect(result.full).toBe(shared);

    // Whoever the shared counter refused still has the whole of their own.
    const untouched = own.find((counter) =>
      results.every(({ one, result }) => one !== counter || result.full !== null),
    );
    await fill(untouched!);
  });

  test('what is refused costs none of its counters', async () => {
    const [full, other, third] = [counter(PLAIN), counter(WIDE), counter(PLAIN)];
    await fill(full);
    expect((await store.reserve([full, other], START)).full).toBe(full);
    expect((await store.reserve([third, full], START)).full).toBe(full);
    await fill(other);
    await fill(third);
  });

  test('a hit given back makes room for exactly one other', async () => {
    const on = counter(PLAIN);
    const hits = await fill(on);
    await hits[2]!.giveBack();
    await take(on);
    expect(await refusedUntil(on)).toEqual(later(5 * MINUTE_MS));
  });

  test('100 parallel callers who give back what they took never leave a trace', async () => {
    const on = counter({ ...WIDE, limit: 100 });
    const results = await Promise.all(
      Array.from({ length: 100 }, () => store.reserve([on], START)),
    );
    await Promise.all(
      results.flatMap((result) => (result.full ? [] : result.hits)).map((hit) => hit.giveBack()),
    );
    await fill(on);
    expect(await refusedUntil(on)).toEqual(later(60 * MINUTE_MS));
  });

  test('a hit of a window that is over never takes one from the next', async () => {
    const on = counter(PLAIN);
    const old = await take(on);
    await fill(on, later(5 * MINUTE_MS));
    await old.giveBack();
    expect(await refusedUntil(on, later(6 * MINUTE_MS))).toEqual(later(10 * MINUTE_MS));
  });

  test('a hit that began a block, given back, ends it as if it had never been', async () => {
    const on = counter(BLOCKING);
    const hits = await fill(on);
    await hits[0]!.giveBack();
    await take(on, later(MINUTE_MS));
    expect(await refusedUntil(on, later(MINUTE_MS))).toEqual(later(6 * MINUTE_MS));
  });

  test('clearing forgets hits, block and how often there was one', async () => {
    const on = counter(BLOCKING);
    await fill(on);
    await store.clear(on);
    const [hit] = await fill(on);
    expect(await refusedUntil(on)).toEqual(later(5 * MINUTE_MS));
    await store.clear(on);
    await hit!.giveBack();
    await fill(on);
  });

  test('another process, or this one after a restart, sees the same counts', async () => {
    if (!opened.another) return;
    const on = counter(BLOCKING);
    await fill(on);
    const seen = await opened.another.reserve([on], later(MINUTE_MS));
    expect(seen).toEqual({ full: on, until: later(5 * MINUTE_MS) });
    await opened.another.clear(on);
    await take(on);
  });

  test('any sequence of calls is answered as by any other store', async () => {
    const step = fc.record({
      what: fc.constantFrom('one', 'one', 'both', 'both', 'giveBack', 'clear'),
      which: fc.nat(1),
      waitMs: fc.constantFrom(0, 0, 0, 1_000, MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS + 1),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const on = [
          counter({ ...BLOCKING, limit: 2 }),
          counter({ ...BLOCKING, limit: 3 }),
          counter({ ...PLAIN, limit: 3 }),
        ] as const;
        const model = createLocalStore();
        const hits: { real: Hit; model: Hit }[] = [];
        let nowMs = 0;
        for (const { what, which, waitMs } of steps) {
          nowMs += waitMs;
          const given = hits.at(-1 - which);
          if (what === 'clear') {
            await Promise.all([store.clear(on[which]!), model.clear(on[which]!)]);
          } else if (what === 'giveBack') {
            if (!given) continue;
            hits.splice(hits.indexOf(given), 1);
            await Promise.all([given.real.giveBack(), given.model.giveBack()]);
          } else {
            const counters =
              what === 'one' ? ([on[which]!] as const) : ([on[which]!, on[2]] as const);
            const real = await store.reserve(counters, later(nowMs));
            const expected = await model.reserve(counters, later(nowMs));
            if (real.full || expected.full) expect(real).toEqual(expected);
            else
              for (const [index, hit] of real.hits.entries())
                hits.push({ real: hit, model: expected.hits[index]! });
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
