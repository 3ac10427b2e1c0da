import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { expect, onTestFinished, test } from 'vitest';
import { uuidv7 } from '../../../../src/crypto/random.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { packageRoot } from '../../../../src/lib/package-root.ts';
import type { OutgoingEvent } from '../../../../src/services/event/sinks/sink.ts';
import { createWebhookSink } from '../../../../src/services/event/sinks/webhook-sink.ts';
import {
  formatWebhookSecret,
  parseWebhookSecret,
} from '../../../../src/services/webhook/signature.ts';
import type { SignedPostOptions } from '../../../../src/services/webhook/signed-post.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import { startWebhookReceiver, type WebhookAnswer } from '../../../support/webhook-receiver.ts';

const SECRET = Buffer.from('an independent secret of 32 bytes');
const NEVER = new AbortController().signal;

function event(): OutgoingEvent {
  const id = uuidv7(Date.now());
  return {
    id,
    type: 'user.verified',
    userId: null,
    occurredAt: new Date(),
    body: JSON.stringify({ id, name: 'Zoë' }),
  };
}

function sinkTo(url: string, options: Partial<SignedPostOptions> = {}) {
  return createWebhookSink({
    url,
    timeoutMs: 5_000,
    clock: systemClock,
    secrets: async () => [SECRET],
    userAgent: 'authctl/test',
    ...options,
  });
}

async function receiver(...args: Parameters<typeof startWebhookReceiver>) {
  const started = await startWebhookReceiver(...args);
  onTestFinished(started.close);
  return started;
}

test('the signature satisfies the reference library of Standard Webhooks', async () => {
  const { url, received } = await receiver();
  expect(await sinkTo(url).publish([event()], NEVER)).toEqual([null]);
  const { headers, body } = received[0]!;
  const library = new Webhook(formatWebhookSecret(SECRET));
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = headers;
  const given = {
    'webhook-id': String(id),
    'webhook-timestamp': String(at),
    'webhook-signature': String(signature),
  };
  expect(library.verify(body, given)).toEqual(JSON.parse(body));
  expect(() => library.verify(`${body} `, given)).toThrow();
  expect(() => library.verify(body, { ...given, 'webhook-id': 'another' })).toThrow();
  const earlier = String(Number(at) - 1);
  expect(() => library.verify(body, { ...given, 'webhook-timestamp': earlier })).toThrow();
  expect(() => new Webhook(Buffer.alloc(32).toString('base64')).verify(body, given)).toThrow();
});

test('the signature is what the documentation says: HMAC-SHA-256 over id.timestamp.body', async () => {
  const { url, received } = await receiver();
  await sinkTo(url).publish([event()], NEVER);
  const { headers, body } = received[0]!;
  const expected = createHmac('sha256', SECRET)
    .update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
    .digest('base64');
  expect(headers).toMatchObject({
    'webhook-signature': `v1,${expected}`,
    'content-type': 'application/json',
    'user-agent': 'authctl/test',
  });
});

test('the check that the documentation shows accepts it, and nothing else', async () => {
  const docs = await readFile(join(packageRoot(), 'docs', 'events.md'), 'utf8');
  const [code] = /import \{ createHmac[\s\S]*?^}$/m.exec(docs) ?? [];
  const module = `data:text/javascript,${encodeURIComponent(`${code}\nexport { isGenuine };`)}`;
  const { isGenuine } = await import(module);
  const { url, received } = await receiver();
  await sinkTo(url).publish([event()], NEVER);
  const { headers, body } = received[0]!;
  const secret = formatWebhookSecret(SECRET);
  expect(isGenuine(headers, body, secret)).toBe(true);
  expect(isGenuine(headers, `${body} `, secret)).toBe(false);
  expect(isGenuine(headers, body, formatWebhookSecret(Buffer.alloc(32)))).toBe(false);
  const old = { ...headers, 'webhook-timestamp': '1772366400' };
  expect(isGenuine(old, body, secret)).toBe(false);
  // Strangers post, too: whatever is missing or is nonsense is a no, not an exception that nobody catches.
  for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
    expect(isGenuine({ ...headers, [name]: undefined }, body, secret)).toBe(false);
    expect(isGenuine({ ...headers, [name]: 'x' }, body, secret)).toBe(false);
  }
  expect(isGenuine({}, body, secret)).toBe(false);
});

test('while the secret changes, a receiver with either of the two accepts', async () => {
  const { url, received } = await receiver();
  const next = Buffer.alloc(32, 7);
  await sinkTo(url, { secrets: async () => [next, SECRET] }).publish([event()], NEVER);
  const { headers, body } = received[0]!;
  for (const secret of [SECRET, next])
    expect(() =>
      new Webhook(formatWebhookSecret(secret)).verify(body, headers as Record<string, string>),
    ).not.toThrow();
});

test('a secret survives being written in the form of the libraries', () => {
  expect(parseWebhookSecret(formatWebhookSecret(SECRET))).toEqual(SECRET);
  expect(parseWebhookSecret('plain text, its own bytes')).toEqual(
    Buffer.from('plain text, its own bytes'),
  );
});

test('only a 2xx answer confirms; a redirect is not followed', async () => {
  const elsewhere = await receiver();
  const answers: [WebhookAnswer, string | null][] = [
    [200, null],
    [202, null],
    [301, 'HTTP 301'],
    [{ status: 307, headers: { location: elsewhere.url } }, 'HTTP 307'],
    [400, 'HTTP 400'],
    [500, 'HTTP 500'],
  ];
  for (const [answer, reason] of answers) {
    const { url } = await receiver(() => answer);
    const [outcome] = await sinkTo(url).publish([event()], NEVER);
    expect(outcome?.message ?? null).toBe(reason);
  }
  expect(elsewhere.received).toEqual([]);
});

test('the status is the receiver’s word, though the rest of its answer breaks off or never ends', async () => {
  for (const end of ['break', 'stall']) {
    const server = createServer((_, response) => {
      response.writeHead(202, { 'content-length': 1_000 }).write('x');
      if (end === 'break') setTimeout(() => response.destroy(), 20);
    });
    const port = await listenOnFreePort(server);
    onTestFinished(() => void server.close());
    const sink = sinkTo(`http://127.0.0.1:${port}/`, { timeoutMs: 300 });
    expect(await sink.publish([event()], NEVER)).toEqual([null]);
    server.closeAllConnections();
  }
});

test('an answer without end is cut off, long before its time is over', async () => {
  const server = createServer((_, response) => {
    response.writeHead(202);
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  });
  const port = await listenOnFreePort(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  // Longer than this test may take.
  const sink = sinkTo(`http://127.0.0.1:${port}/`, { timeoutMs: 600_000 });
  expect(await sink.publish([event()], NEVER)).toEqual([null]);
});

test('each event of a batch has its own answer, in its place', async () => {
  const events = Array.from({ length: 10 }, event);
  const refused = new Set([events[2]!.id, events[7]!.id]);
  const { url } = await receiver(({ body }) => (refused.has(JSON.parse(body).id) ? 500 : 204));
  const outcomes = await sinkTo(url).publish(events, NEVER);
  expect(outcomes.map((outcome) => outcome === null)).toEqual(
    events.map(({ id }) => !refused.has(id)),
  );
});

test('a receiver that does not answer has failed after its time, or when we must stop', async () => {
  const { url } = await receiver(() => 'nothing');
  const [late] = await sinkTo(url, { timeoutMs: 50 }).publish([event()], NEVER);
  expect(late!.message).toBe('no answer in time');
  const stop = new AbortController();
  const publishing = sinkTo(url).publish([event()], stop.signal);
  stop.abort();
  expect((await publishing)[0]!.message).toBe('interrupted');
});

test('what failed is said without the URL, which may hold a token', async () => {
  const gone = await receiver();
  await gone.close();
  const url = gone.url.replace('//', '//user:secret@').replace('/hook', '/token');
  const [refused] = await sinkTo(url).publish([event()], NEVER);
  expect(refused!.message).toBe('ECONNREFUSED');
  // A port that `fetch` does not connect to, and has no code for.
  const [never] = await sinkTo('http://user:secret@127.0.0.1:1/token').publish([event()], NEVER);
  expect(never!.message).toBe('the request failed');
});

test('a user name and password in the URL become Basic authentication', async () => {
  const { url, received } = await receiver();
  await sinkTo(url.replace('//', '//ada:p%40ss@')).publish([event()], NEVER);
  const expected = Buffer.from('ada:p@ss').toString('base64');
  expect(received[0]!.headers.authorization).toBe(`Basic ${expected}`);
});

test('a connection carries many events', async () => {
  const { url, connections } = await receiver(() => 200);
  const sink = sinkTo(url);
  for (let count = 0; count < 10; count += 1) await sink.publish([event()], NEVER);
  expect(connections()).toBeLessThan(5);
});
