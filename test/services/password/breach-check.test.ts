import { hash } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { createLogger } from '../../../src/lib/logger.ts';
import {
  type BreachCheckOptions,
  createBreachCheck,
} from '../../../src/services/password/breach-check.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const BREACHED = 'correct horse battery staple';
const SUFFIX_PADDING = `${'0'.repeat(35)}:0`;

let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
});

interface Setup {
  readonly seen: { url: string; padding: unknown; port: number | undefined }[];
  check(password: string): Promise<boolean>;
}

async function setUp(answer: RequestListener, options: Partial<BreachCheckOptions> = {}) {
  const seen: Setup['seen'] = [];
  server = createServer((request, response) => {
    seen.push({
      url: request.url ?? '',
      padding: request.headers['add-padding'],
      port: request.socket.remotePort,
    });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const breaches = createBreachCheck({
    url: `http://127.0.0.1:${port}/range`,
    timeoutMs: 10_000,
    onFailure: 'closed',
    clock: createManualClock(),
    log: createLogger({ level: 'silent' }),
    ...options,
  });
  return { seen, check: breaches.isKnown } satisfies Setup;
}

function suffixOf(password: string): string {
  return hash('sha1', password, 'hex').toUpperCase().slice(5);
}

function rangeOf(...lines: string[]): RequestListener {
  return (_, response) => response.end(lines.join('\r\n'));
}

/** The code of the refusal, or the answer. */
async function outcome(check: Promise<boolean>): Promise<boolean | string> {
  return check.catch((error: unknown) => {
    if (error instanceof AppError) return error.code;
    throw error;
  });
}

test('a password in the range is known; only five digits of its hash are sent, with padding asked for', async () => {
  const { check, seen } = await setUp(rangeOf(SUFFIX_PADDING, `${suffixOf(BREACHED)}:42`));
  expect(await check(BREACHED)).toBe(true);
  expect(seen).toMatchObject([{ url: '/range/ABF7A', padding: 'true' }]);
});

test('another password of the same range, an empty range and padding with count 0 are not', async () => {
  const other = await setUp(rangeOf(`${suffixOf('something else')}:7`));
  expect(await other.check(BREACHED)).toBe(false);
  const padded = await setUp(rangeOf(`${suffixOf(BREACHED)}:0`, ''));
  expect(await padded.check(BREACHED)).toBe(false);
  const empty = await setUp(rangeOf());
  expect(await empty.check(BREACHED)).toBe(false);
});

test('lower-case digits, bare line feeds and a last line break are read too', async () => {
  const range = `${SUFFIX_PADDING}\n${suffixOf(BREACHED).toLowerCase()}:1\n`;
  const { check } = await setUp(rangeOf(range));
  expect(await check(BREACHED)).toBe(true);
});

test('the two ways to type an accent are one password', async () => {
  const { check } = await setUp(rangeOf(`${suffixOf('caf\u00e9 au lait')}:3`));
  expect(await check('cafe\u0301 au lait')).toBe(true);
});

test('connections are kept and used again', async () => {
  const { check, seen } = await setUp(rangeOf(SUFFIX_PADDING));
  for (let round = 0; round < 20; round += 1) await check(`kestrel ${round}`);
  expect(new Set(seen.map(({ port }) => port)).size).toBeLessThanOrEqual(3);
});

const FAILURES: [string, RequestListener, Partial<BreachCheckOptions>?][] = [
  ['an error', (_, response) => response.writeHead(500).end('oops')],
  ['not found', (_, response) => response.writeHead(404).end()],
  [
    'a redirect',
    (_, response) => response.writeHead(302, { Location: 'http://127.0.0.1:9/' }).end(),
  ],
  ['a web page', (_, response) => response.end('<html>Please sign in</html>')],
  ['one broken line', rangeOf(`${suffixOf(BREACHED)}:42`, 'tail')],
  ['a count that is none', rangeOf(`${suffixOf(BREACHED)}:many`)],
  ['an endless answer', (_, response) => void endless(response)],
  ['a cut connection', (request) => void request.socket.destroy()],
  [
    'a body that never ends',
    (_, response) => void response.write(SUFFIX_PADDING),
    { timeoutMs: 100 },
  ],
  ['silence', () => undefined, { timeoutMs: 100 }],
];

test.each(FAILURES)('%s: refused when failures are closed', async (_, answer, options) => {
  const { check } = await setUp(answer, options);
  expect(await outcome(check(BREACHED))).toBe('unavailable');
});

test.each(FAILURES)('%s: accepted when failures are open', async (_, answer, options) => {
  const { check } = await setUp(answer, { ...options, onFailure: 'open' });
  expect(await outcome(check(BREACHED))).toBe(false);
});

test('nothing listening is a failure like the others', async () => {
  const setup = await setUp(rangeOf());
  await new Promise((resolve) => server?.close(resolve));
  expect(await outcome(setup.check(BREACHED))).toBe('unavailable');
});

test('a check that has ended leaves its place, whatever came of it', async () => {
  let asked = 0;
  const { check } = await setUp((_, response) => {
    asked += 1;
    response.statusCode = asked % 2 ? 200 : 500;
    response.end(`${suffixOf(BREACHED)}:42`);
  });
  for (let count = 0; count < 70; count += 1) await outcome(check(BREACHED));
  expect(asked).toBe(70);
  expect(await outcome(check(BREACHED))).toBe(true);
});

test('never more than 64 checks are under way; the next fails at once and the others still answer', async () => {
  const waiting: (() => void)[] = [];
  const { check, seen } = await setUp((_, response) =>
    waiting.push(() => response.end(SUFFIX_PADDING)),
  );
  const checks = Array.from({ length: 64 }, (_, index) => check(`kestrel ${index}`));
  expect(await outcome(check(BREACHED))).toBe('unavailable');
  await expect.poll(() => seen.length).toBe(64);
  for (const answer of waiting) answer();
  expect(await Promise.all(checks)).toEqual(Array.from({ length: 64 }, () => false));
});

async function endless(response: Parameters<RequestListener>[1]): Promise<void> {
  const line = `${SUFFIX_PADDING}\r\n`.repeat(1_000);
  while (!response.destroyed) {
    if (response.write(line)) await new Promise((resolve) => setImmediate(resolve));
    else await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
  }
}
