import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { get, load, openClient, perform, post } from '../../../scripts/peers/load.ts';

/** `/pieces` is answered in chunks, `/whole` with its length, anything else is refused. */
const server = createServer((request, response) => {
  if (request.url === '/pieces') {
    response.write('{"id":');
    setTimeout(() => response.end('"a"}'), 10);
  } else if (request.url === '/whole?id=a') response.setHeader('Content-Length', 4).end('true');
  else response.writeHead(429).end();
});
let url = '';

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

function* twoSteps() {
  const { body } = yield get('/pieces');
  yield post(`/whole?id=${JSON.parse(body).id}`, {});
}

test('peers: an act takes what it needs from an answer in chunks', async () => {
  const client = await openClient(url);
  expect((await perform(client, twoSteps())).answer).toMatchObject({ status: 200, body: 'true' });
  client.close();
});

test('peers: only what succeeded is counted', async () => {
  const few = { connections: 2, seconds: 0.1 };
  expect((await load(url, few, () => twoSteps())).perSecond).toBeGreaterThan(0);
  const refused = function* () {
    yield get('/refused');
  };
  await expect(load(url, few, refused)).rejects.toThrow('answered 429');
});

test('peers: no other machine is asked', async () => {
  await expect(openClient('http://192.0.2.1/')).rejects.toThrow('loopback');
});
