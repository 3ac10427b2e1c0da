import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { startTestManagement } from '../support/management.ts';

const ORIGIN = 'https://app.settings.example';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({
    env: {
      AUTHCTL_CORS_ORIGINS: `https://other.example,${ORIGIN}`,
      AUTHCTL_HTTP_HEADERS_TIMEOUT: '1s',
      AUTHCTL_HTTP_REQUEST_TIMEOUT: '2s',
      AUTHCTL_HTTP_MAX_CONNECTIONS: '12',
    },
  });
});
afterAll(() => appliance.stop());

/** A connection that sends this much and no more. */
function open(text = '', port = appliance.api.listener.port) {
  const socket: Socket = connect(port, '127.0.0.1', () => {
    if (text) socket.write(text);
  });
  const state = { socket, isClosed: false, answer: '' };
  socket.on('data', (chunk) => {
    state.answer += chunk;
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    state.isClosed = true;
  });
  return state;
}

test('http.max_connections: twelve are held open, more are closed', async () => {
  const sockets = Array.from({ length: 20 }, () => open());
  await eventually(
    'eight are closed',
    () => sockets.filter(({ isClosed }) => isClosed).length === 8,
    5_000,
  );
  expect(await appliance.api.listener.connections()).toBe(12);
  for (const { socket } of sockets) socket.destroy();
  await eventually('they are gone', async () => (await appliance.api.listener.connections()) === 0);
});

test('http.headers_timeout, http.request_timeout: half a request is cut in its time, on every listener', async () => {
  const management = await startTestManagement(appliance);
  onTestFinished(management.stop);
  const token = await management.operator('slow', ['*']);
  const rest = 'Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{';
  const places = [
    { path: '/v1/login', port: appliance.api.listener.port },
    { path: '/admin/v1/users', port: management.port },
  ];
  const halves = places.flatMap(({ path, port }) => {
    const start = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n`;
    return [open(start, port), open(start + rest, port)];
  });
  // They have ten seconds and more unless told otherwise.
  await eventually('all are cut', () => halves.every(({ isClosed }) => isClosed), 7_000);
  for (const { answer } of halves) expect(answer).toContain('HTTP/1.1 408');
});

test('cors.origins: those listed may read, others may not', async () => {
  const allowedOf = async (Origin: string) => {
    const { headers } = await appliance.call('/v1/keys', { headers: { Origin } });
    return headers.get('access-control-allow-origin');
  };
  expect(await allowedOf(ORIGIN)).toBe(ORIGIN);
  expect(await allowedOf('https://app.example')).toBe(null);
});
