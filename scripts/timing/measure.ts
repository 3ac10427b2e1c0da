import { Agent, request } from 'node:http';

/** One class of requests: as many different ones as are asked for. */
export interface RequestClass {
  readonly name: string;
  readonly path: string;
  /** The status that says the request went the way that is to be measured. */
  readonly status: number;
  body(index: number): unknown;
}

/**
 * Times classes of requests over one kept connection, one request at a time. Each block has every
 * class twice, in an order drawn anew and then the same backwards (ABBA), so that whatever the
 * machine does meanwhile meets all of them alike.
 * @returns milliseconds from the first byte sent to the last received, by class
 */
export async function measure(
  url: string,
  classes: readonly RequestClass[],
  samples: number,
): Promise<Map<string, number[]>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times = new Map<string, number[]>(classes.map(({ name }) => [name, []]));
  for (let block = 0; block < samples / 2; block += 1) {
    const order = shuffle(classes);
    for (const [half, one] of [...order, ...order.toReversed()].entries()) {
      const index = 2 * block + (half < order.length ? 0 : 1);
      times.get(one.name)!.push(await time(agent, url, one, index));
    }
  }
  agent.destroy();
  return times;
}

async function time(
  agent: Agent,
  url: string,
  { name, path, status, body }: RequestClass,
  index: number,
): Promise<number> {
  const text = JSON.stringify(body(index));
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
  const startedAt = process.hrtime.bigint();
  const answered = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request(url + path, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    sent.on('error', reject);
    sent.end(text);
  });
  const elapsedMs = Number(process.hrtime.bigint() - startedAt) / 1e6;
  if (answered !== status) throw new Error(`${name}: answered ${answered}, not ${status}`);
  return elapsedMs;
}

function shuffle<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
