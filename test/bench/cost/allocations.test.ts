import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { sampleAllocations, sumProfile } from '../../../src/bench/cost/allocations.ts';
import { createProfiler } from '../../../src/lib/profiler.ts';

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function answerWith(status: number, body: string): Promise<string> {
  const server = createServer((request, response) => {
    const isAsked = request.url === '/debug/heap?seconds=3';
    const isAllowed = request.headers.authorization === 'Bearer op_token';
    response.writeHead(isAsked && isAllowed ? status : 404).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const sample = (url: string) => sampleAllocations(url, 'op_token', 3, AbortSignal.timeout(5_000));

describe('allocations', () => {
  it('are estimated well, though all of it is collected meanwhile', async () => {
    const profiling = createProfiler().heap(1);
    const slots = 30;
    const arrays = 400_000;
    let last: number[] = [];
    for (let made = 0; made < arrays; made++) last = new Array<number>(slots).fill(made);
    expect(last).toHaveLength(slots);
    const { head } = JSON.parse(await profiling);
    // An array of V8: 16 bytes, and 16 more with 8 for each slot.
    const expected = arrays * (16 + 16 + slots * 8);
    expect(sumProfile(head) / expected).toBeGreaterThan(0.8);
    expect(sumProfile(head) / expected).toBeLessThan(1.5);
  });

  it('are added up over the whole tree', async () => {
    const leaf = { selfSize: 1, children: [] };
    const head = { selfSize: 0, children: [{ selfSize: 10, children: [leaf, leaf] }, leaf] };
    expect(await sample(await answerWith(200, JSON.stringify({ head })))).toBe(13);
  });

  it('are not 0 where no profile is given out', async () => {
    const url = await answerWith(409, '{"code":"conflict"}');
    await expect(sample(url)).rejects.toMatchObject({ code: 'internal' });
  });
});
