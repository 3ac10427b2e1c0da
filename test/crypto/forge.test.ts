import { describe, expect, it } from 'vitest';
import type { Argon2Engine } from '../../src/crypto/argon2/engine.ts';
import { nodeRsEngine } from '../../src/crypto/argon2/node-rs.ts';
import { createForge, type ForgeOptions } from '../../src/crypto/forge.ts';
import { AppError } from '../../src/errors.ts';
import { systemClock } from '../../src/lib/clock.ts';

const cost = { memoryKib: 64, passes: 1, parallelism: 1 };
const salt = Buffer.alloc(16, 1);
const input = (n: number) => Buffer.from(`input ${n}`);

/** The real engine behind a gate: the test says when hashes may go on, and sees which started. */
function gatedEngine() {
  const started: string[] = [];
  const gates: (() => void)[] = [];
  const engine: Argon2Engine = {
    name: 'node-rs',
    async hashRaw(bytes, ...rest) {
      started.push(bytes.toString());
      await new Promise<void>((resolve) => gates.push(resolve));
      return nodeRsEngine.hashRaw(bytes, ...rest);
    },
  };
  /** Lets hashes finish, oldest first and as they start, until this one's caller has its answer. */
  async function finish(answer: Promise<unknown>): Promise<void> {
    let isAnswered = false;
    const answered = answer.finally(() => {
      isAnswered = true;
    });
    while (!isAnswered) {
      gates.shift()?.();
      await new Promise(setImmediate);
    }
    await answered;
  }
  return { engine, started, finish };
}

function forgeWith(options: Partial<ForgeOptions> & Pick<ForgeOptions, 'engine'>) {
  return createForge({ slots: 2, cost, clock: systemClock, ...options });
}

describe('slots', () => {
  it('never hashes more than its slots at once under 500 parallel callers, and answers each its own', async () => {
    let inFlight = 0;
    let most = 0;
    const engine: Argon2Engine = {
      name: 'node-rs',
      async hashRaw(...args) {
        inFlight += 1;
        most = Math.max(most, inFlight);
        return nodeRsEngine.hashRaw(...args).finally(() => {
          inFlight -= 1;
        });
      },
    };
    const forge = forgeWith({ engine, slots: 3, queueLimit: 400 });
    const callers = Array.from({ length: 500 }, (_, n) =>
      n % 5 === 0 ? forge.idleHash(input(n), salt) : forge.hash(input(n), salt),
    );
    const hashes = await Promise.all(callers);
    expect(most).toBe(3);
    const params = { ...cost, length: 32 };
    for (const n of [0, 1, 250, 499])
      expect(hashes[n]).toEqual(await nodeRsEngine.hashRaw(input(n), salt, params));
    expect(forge.stats()).toMatchObject({
      busy: 0,
      queued: 0,
      idleQueued: 0,
      completed: 500,
      rejected: 0,
    });
  });

  it('frees the slot of a hash that fails', async () => {
    const forge = forgeWith({ engine: nodeRsEngine, slots: 1 });
    const impossible = { memoryKib: 1, passes: 0, parallelism: 1, length: 32 };
    await expect(forge.hash(input(1), salt, impossible)).rejects.toThrow();
    expect(forge.hasFreeSlot()).toBe(true);
    expect(await forge.hash(input(1), salt)).toHaveLength(32);
  });

  it('hashes with the parameters of a stored hash when given them', async () => {
    const forge = forgeWith({ engine: nodeRsEngine });
    const params = { memoryKib: 128, passes: 2, parallelism: 2, length: 48 };
    const expected = await nodeRsEngine.hashRaw(input(1), salt, params);
    expect(await forge.hash(input(1), salt, params)).toEqual(expected);
  });
});

describe('queue', () => {
  it('refuses at once when full, and says when to come back', async () => {
    const { engine, started, finish } = gatedEngine();
    const forge = forgeWith({ engine, slots: 2, queueLimit: 3 });
    const accepted = [1, 2, 3, 4, 5].map((n) => forge.hash(input(n), salt));
    const refusals = await Promise.allSettled([6, 7].map((n) => forge.hash(input(n), salt)));
    for (const refusal of refusals) {
      const error = (refusal as PromiseRejectedResult).reason as AppError;
      expect(error).toBeInstanceOf(AppError);
      expect(error.code).toBe('overloaded');
      expect(error.retryAfterSeconds).toBeGreaterThanOrEqual(1);
    }
    expect(started).toHaveLength(2);
    expect(forge.stats()).toMatchObject({ busy: 2, queued: 3, queueLimit: 3, rejected: 2 });
    await finish(Promise.all(accepted));
  });

  it('sends a crowd back one after the other, as fast as it can hash', async () => {
    const { engine, finish } = gatedEngine();
    const forge = forgeWith({ engine, slots: 2, queueLimit: 3 });
    const accepted = [1, 2, 3, 4, 5].map((n) => forge.hash(input(n), salt));
    const crowd = Array.from({ length: 3 * forge.ratePerSecond() }, () =>
      forge.hash(input(6), salt),
    );
    const seconds = (await Promise.allSettled(crowd)).map(
      (refusal) => ((refusal as PromiseRejectedResult).reason as AppError).retryAfterSeconds,
    );
    expect([...new Set(seconds)]).toEqual([1, 2, 3, 4]);
    await finish(Promise.all(accepted));
  });

  it('keeps a place for who has something to do first, and refuses the others meanwhile', async () => {
    const { engine, finish } = gatedEngine();
    const forge = forgeWith({ engine, slots: 1, queueLimit: 1 });
    const reservations = [forge.reserve(), forge.reserve()];
    expect(forge.reserve).toThrow(expect.objectContaining({ code: 'overloaded' }));
    await expect(forge.hash(input(3), salt)).rejects.toMatchObject({ code: 'overloaded' });
    const accepted = reservations.map((place, n) => place.hash(input(n), salt));
    expect(forge.reserve).toThrow();
    expect(forge.stats()).toMatchObject({ busy: 1, queued: 1, rejected: 3 });
    await finish(Promise.all(accepted));
    expect(forge.reserve).not.toThrow();
  });

  it('a reservation is good for one hash, and can be given back instead', async () => {
    const { engine, finish } = gatedEngine();
    const forge = forgeWith({ engine, slots: 1, queueLimit: 0 });
    const unused = forge.reserve();
    expect(forge.reserve).toThrow();
    unused.release();
    unused.release();
    const place = forge.reserve();
    const first = place.run(() => engine.hashRaw(input(1), salt, { ...cost, length: 32 }));
    place.release();
    await expect(place.hash(input(2), salt)).rejects.toMatchObject({ code: 'overloaded' });
    await finish(first);
    await finish(forge.reserve().hash(input(3), salt));
  });

  it('500 at once for the last places: so many get in as there are, and all of those are served', async () => {
    const forge = forgeWith({ engine: nodeRsEngine, slots: 2, queueLimit: 18 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 500 }, async (_, n) => {
        const place = forge.reserve();
        await new Promise((resolve) => setTimeout(resolve, n % 3));
        return place.hash(input(n), salt).finally(place.release);
      }),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
    expect(forge.stats()).toMatchObject({ busy: 0, queued: 0, completed: 20, rejected: 480 });
  });

  it('a bound of zero still uses the free slots', async () => {
    const { engine, finish } = gatedEngine();
    const forge = forgeWith({ engine, slots: 1, queueLimit: 0 });
    const first = forge.hash(input(1), salt);
    await expect(forge.hash(input(2), salt)).rejects.toMatchObject({ code: 'overloaded' });
    await finish(first);
  });

  it('serves requests in order of arrival', async () => {
    const { engine, started, finish } = gatedEngine();
    const forge = forgeWith({ engine, slots: 1, queueLimit: 9 });
    const answers = [0, 1, 2, 3].map((n) => forge.hash(input(n), salt));
    for (const answer of answers) await finish(answer);
    expect(started).toEqual([0, 1, 2, 3].map((n) => `input ${n}`));
  });

  it('lets a background hash leave, and gives its place to the next', async () => {
    const { engine, started, finish } = gatedEngine();
    const forge = forgeWith({ engine, slots: 1 });
    const leaving = new AbortController();
    const first = forge.hash(input(0), salt);
    const left = forge.idleHash(input(1), salt, undefined, leaving.signal);
    const second = forge.idleHash(input(2), salt);
    leaving.abort(new Error('worker stops'));
    await expect(left).rejects.toThrow('worker stops');
    expect(forge.stats()).toMatchObject({ idleQueued: 1 });
    await finish(first);
    await finish(second);
    expect(started).toEqual(['input 0', 'input 2']);
    await expect(forge.idleHash(input(3), salt, undefined, leaving.signal)).rejects.toThrow(
      'worker stops',
    );
    expect(forge.stats()).toMatchObject({ busy: 0, queued: 0 });
  });

  it('holds one second of the measured rate by default', async () => {
    const forge = forgeWith({ engine: nodeRsEngine });
    const before = forge.stats();
    expect(before).toMatchObject({ ratePerSecond: 40, queueLimit: 40 });
    const rate = await forge.calibrate();
    const { ratePerSecond, queueLimit, completed } = forge.stats();
    expect(completed).toBe(6);
    expect(rate).toBe(ratePerSecond);
    expect(queueLimit).toBe(Math.max(2, Math.floor(ratePerSecond)));
  });

  it('measures the rate at the current cost only', async () => {
    let nowMs = 0;
    const engine: Argon2Engine = {
      name: 'node-rs',
      hashRaw(bytes, ...rest) {
        nowMs += 20;
        return nodeRsEngine.hashRaw(bytes, ...rest);
      },
    };
    const forge = forgeWith({ engine, slots: 1, clock: { monotonicMs: () => nowMs } });
    await forge.hash(input(1), salt);
    expect(forge.ratePerSecond()).toBe(50);
    await forge.hash(input(1), salt, { ...cost, memoryKib: 128, length: 32 });
    await forge.hash(input(1), salt, { ...cost, length: 32 });
    expect(forge.ratePerSecond()).toBe(50);
    expect(forge.stats()).toMatchObject({ completed: 3, hashMs: 60, waitMs: 0 });
  });
});

describe('the measured rate', () => {
  it('is that of all slots at work: a hash that has the machine to itself says nothing about it', async () => {
    let nowMs = 0;
    const { engine, finish } = gatedEngine();
    const forge = forgeWith({ engine, slots: 2, clock: { monotonicMs: () => nowMs } });
    const before = forge.ratePerSecond();
    for (let n = 0; n < 5; n += 1) {
      const alone = forge.hash(input(n), salt);
      nowMs += 1;
      await finish(alone);
    }
    expect(forge.ratePerSecond()).toBe(before);
    const both = Promise.all([forge.hash(input(6), salt), forge.hash(input(7), salt)]);
    await new Promise(setImmediate);
    nowMs += 20;
    await finish(both);
    expect(forge.ratePerSecond()).toBe(100);
  });
});

describe('background lane', () => {
  it('takes a slot only when no request waits', async () => {
    const { engine, started, finish } = gatedEngine();
    const forge = forgeWith({ engine, slots: 1, queueLimit: 9 });
    const drain = [10, 11].map((n) => forge.idleHash(input(n), salt));
    const requests = [0, 1].map((n) => forge.hash(input(n), salt));
    await finish(drain[0]!);
    await finish(requests[0]!);
    const late = forge.hash(input(2), salt);
    await finish(requests[1]!);
    await finish(late);
    await finish(drain[1]!);
    expect(started).toEqual(['input 10', 'input 0', 'input 1', 'input 2', 'input 11']);
  });

  it('does not count against the bound of requests', async () => {
    const { engine, finish } = gatedEngine();
    const forge = forgeWith({ engine, slots: 1, queueLimit: 1 });
    const drain = Array.from({ length: 10 }, (_, n) => forge.idleHash(input(n), salt));
    const request = forge.hash(input(99), salt);
    expect(forge.stats()).toMatchObject({ queued: 1, idleQueued: 9, rejected: 0 });
    await finish(Promise.all([...drain, request]));
  });
});

describe('close', () => {
  it('finishes everything it accepted and takes nothing new', async () => {
    const forge = forgeWith({ engine: nodeRsEngine, queueLimit: 100 });
    const accepted = Array.from({ length: 40 }, (_, n) =>
      n % 2 === 0 ? forge.hash(input(n), salt) : forge.idleHash(input(n), salt),
    );
    const closed = forge.close();
    await expect(forge.hash(input(0), salt)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(forge.idleHash(input(0), salt)).rejects.toMatchObject({ code: 'unavailable' });
    await closed;
    expect(forge.stats()).toMatchObject({ busy: 0, queued: 0, idleQueued: 0, completed: 40 });
    for (const hash of await Promise.all(accepted)) expect(hash).toHaveLength(32);
  });

  it('returns at once when there is nothing to do, and may be called twice', async () => {
    const forge = forgeWith({ engine: nodeRsEngine });
    await forge.close();
    await forge.close();
  });
});

describe('other hashes', () => {
  it('take a slot and a place in the queue like ours, in order of arrival', async () => {
    const { engine, started, finish } = gatedEngine();
    const forge = forgeWith({ engine, slots: 1, queueLimit: 2 });
    const answers = [
      forge.hash(input(0), salt),
      forge.run(async () => {
        started.push('other');
        return 'answer';
      }),
      forge.hash(input(2), salt),
    ];
    await expect(forge.run(async () => 'one too many')).rejects.toMatchObject({
      code: 'overloaded',
    });
    await finish(Promise.all(answers));
    expect(started).toEqual(['input 0', 'other', 'input 2']);
    expect(await answers[1]).toBe('answer');
    expect(forge.stats()).toMatchObject({ completed: 3, rejected: 1, busy: 0 });
  });

  it('never more than the slots at once under 200 parallel callers', async () => {
    const forge = forgeWith({ engine: nodeRsEngine, slots: 3, queueLimit: 200 });
    let inFlight = 0;
    let most = 0;
    const work = async () => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await new Promise(setImmediate);
      inFlight -= 1;
    };
    await Promise.all(Array.from({ length: 200 }, () => forge.run(work)));
    expect(most).toBe(3);
  });

  it('give their slot back when they fail, and say nothing about the rate of ours', async () => {
    const forge = forgeWith({ engine: nodeRsEngine, slots: 1 });
    const before = forge.ratePerSecond();
    await expect(forge.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await forge.run(async () => undefined);
    expect(forge.ratePerSecond()).toBe(before);
    expect(forge.hasFreeSlot()).toBe(true);
  });

  it('are refused after close', async () => {
    const forge = forgeWith({ engine: nodeRsEngine });
    await forge.close();
    await expect(forge.run(async () => 1)).rejects.toMatchObject({ code: 'unavailable' });
  });
});
