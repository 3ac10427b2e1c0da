import { randomInt } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** One class of requests: as many different ones as are asked for. */
export interface RequestClass {
  readonly name: string;
  readonly path: string;
  /** The status that says the request went the way that is to be measured. */
  readonly status: number;
  /** What is sent; made before the time counts, also of what the appliance must be asked for first. */
  body(index: number, url: string): Buffer | Promise<Buffer>;
}

/** What one class of requests was answered. */
export interface Measured {
  /** Milliseconds from the last byte sent to the last received. */
  readonly times: number[];
  /** Answers 503: nobody looked at what was asked. */
  refused: number;
}

export interface MeasureOptions {
  readonly samples: number;
  /** Sends each body in pieces with a pause between them. */
  readonly isSlow?: boolean | undefined;
}

const PIECES = 4;
const PAUSE_MS = 15;

/**
 * Times classes of requests over one kept connection, one request at a time. Each block has every
 * class twice, in an order drawn anew and then the same backwards (ABBA), so that whatever the
 * machine does meanwhile meets all of them alike.
 * @param results where to add to, by class, when these are not the first samples
 */
export async function measure(
  url: string,
  classes: readonly RequestClass[],
  { samples, isSlow = false }: MeasureOptions,
  results = new Map<string, Measured>(),
): Promise<Map<string, Measured>> {
  for (const { name } of classes)
    if (!results.has(name)) results.set(name, { times: [], refused: 0 });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let block = 0; block < samples / 2; block += 1) {
    const order = shuffle(classes);
    for (const [half, one] of [...order, ...order.toReversed()].entries()) {
      const index = 2 * block + (half < order.length ? 0 : 1);
      const body = await one.body(index, url);
      const { status, elapsedMs } = await time(agent, url + one.path, body, isSlow);
      const measured = results.get(one.name)!;
      if (status === one.status) measured.times.push(elapsedMs);
      else if (status === 503) measured.refused += 1;
      else throw new Error(`${one.name}: answered ${status}, not ${one.status}`);
    }
  }
  agent.destroy();
  return results;
}

async function time(agent: Agent, url: string, body: Buffer, isSlow: boolean) {
  const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
  const sent = request(url, { method: 'POST', agent, headers });
  const answered = new Promise<number | undefined>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
  });
  const last = isSlow ? await sendAllButLast(body, (piece) => sent.write(piece)) : body;
  const startedAt = process.hrtime.bigint();
  sent.end(last);
  const status = await answered;
  return { status, elapsedMs: Number(process.hrtime.bigint() - startedAt) / 1e6 };
}

/** Returns the last piece: its arrival is what the server cannot answer before. */
async function sendAllButLast(body: Buffer, send: (piece: Buffer) => void): Promise<Buffer> {
  const size = Math.ceil(body.length / PIECES);
  for (let piece = 0; piece < PIECES - 1; piece += 1) {
    send(body.subarray(piece * size, (piece + 1) * size));
    await sleep(PAUSE_MS);
  }
  return body.subarray((PIECES - 1) * size);
}

function shuffle<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: randomInt(2 ** 47) }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
