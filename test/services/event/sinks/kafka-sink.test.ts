import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  getCACertificates,
  setDefaultCACertificates,
  type TLSSocket,
} from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { uuidv7 } from '../../../../src/crypto/random.ts';
import type { KafkaOptions } from '../../../../src/services/event/sinks/kafka-client.ts';
import { createKafkaSink } from '../../../../src/services/event/sinks/kafka-sink.ts';
import type { OutgoingEvent, Sink } from '../../../../src/services/event/sinks/sink.ts';
import { hasKafka, type KafkaCluster, startKafka, whyNoKafka } from '../../../support/kafka.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import { TEST_CERTIFICATE } from '../../../support/smtp.ts';

const TOPIC = 'authctl.events';
const NEVER = new AbortController().signal;
const closers: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function eventOf(userId: string | null, count = 0): OutgoingEvent {
  const id = uuidv7(Date.now());
  const occurredAt = new Date('2026-03-01T12:00:00.123Z');
  return { id, type: 'user.updated', userId, occurredAt, body: JSON.stringify({ id, count }) };
}

function sinkTo(brokers: readonly string[], options: Partial<KafkaOptions> = {}): Sink {
  const sink = createKafkaSink({
    brokers,
    topic: TOPIC,
    tls: false,
    credentials: null,
    ...options,
  });
  closers.push(sink.close);
  return sink;
}

test('a broker that cannot be reached fails the events and says why', async () => {
  const server = createServer();
  const port = await listenOnFreePort(server);
  server.close();
  const outcomes = await sinkTo([`127.0.0.1:${port}`]).publish([eventOf('u')], NEVER);
  expect(outcomes).toEqual([new Error('ECONNREFUSED')]);
});

test('a broker that accepts and never answers is given up when the time is over', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const sink = sinkTo([`127.0.0.1:${await listenOnFreePort(server)}`]);
  const outcomes = await sink.publish([eventOf('u'), eventOf('v')], AbortSignal.timeout(200));
  expect(outcomes).toEqual([new Error('no answer in time'), new Error('no answer in time')]);
});

describe('over TLS', () => {
  const key = readFileSync(new URL('../../../support/localhost-key.pem', import.meta.url));
  const trusted = getCACertificates('default');

  /** How a listener that wants TLS answers what is none: "unexpected message" (RFC 8446 §6). */
  const TLS_ALERT = Buffer.from([21, 3, 3, 0, 2, 2, 10]);

  afterEach(() => setDefaultCACertificates(trusted));

  /** A listener with the tests' certificate that hangs up after the greeting. */
  async function startTlsListener() {
    const names: TLSSocket['servername'][] = [];
    const server = createTlsServer({ cert: TEST_CERTIFICATE, key }, (socket) => {
      names.push(socket.servername);
      socket.end();
    });
    closers.push(() => void server.close());
    return { port: await listenOnFreePort(server), names };
  }

  async function refusalOf(broker: string, tls: boolean): Promise<string | undefined> {
    const [outcome] = await sinkTo([broker], { tls }).publish([eventOf('u')], NEVER);
    return outcome?.message;
  }

  test('a certificate of an unknown authority is refused, and the reason says so', async () => {
    const { port, names } = await startTlsListener();
    expect(await refusalOf(`localhost:${port}`, true)).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect(names).toEqual([]);
  });

  test('a broker is greeted by its name, or by none where it is an address', async () => {
    setDefaultCACertificates([...trusted, TEST_CERTIFICATE]);
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on('warning', note);
    closers.push(() => void process.off('warning', note));
    const { port, names } = await startTlsListener();
    expect(await refusalOf(`localhost:${port}`, true)).toBe('Connection closed');
    expect(await refusalOf(`127.0.0.1:${port}`, true)).toBe('Connection closed');
    expect(names).toEqual(['localhost', false]);
    expect(warnings).toEqual([]);
  });

  test('a trusted certificate of somebody else is refused, for an address too', async () => {
    setDefaultCACertificates([...trusted, TEST_CERTIFICATE]);
    const server = createTlsServer({ cert: TEST_CERTIFICATE, key });
    closers.push(() => void server.close());
    server.listen(0, '127.0.0.2');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await refusalOf(`127.0.0.2:${port}`, true)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  test('a listener that wants TLS, or has none, is told from one that is away', async () => {
    const secure = createServer((socket) => socket.end(TLS_ALERT));
    closers.push(() => void secure.close());
    const securePort = await listenOnFreePort(secure);
    expect(await refusalOf(`127.0.0.1:${securePort}`, false)).toBe('Broker requires TLS');
    const plain = createServer((socket) => socket.end());
    closers.push(() => void plain.close());
    const plainPort = await listenOnFreePort(plain);
    expect(await refusalOf(`127.0.0.1:${plainPort}`, true)).toBe(
      'the broker does not speak TLS here',
    );
  });
});

describe.skipIf(!hasKafka)(`with a Kafka cluster (else: ${whyNoKafka})`, () => {
  async function startCluster(): Promise<KafkaCluster> {
    const cluster = await startKafka();
    closers.push(cluster.stop);
    return cluster;
  }

  test('another client reads key, headers, time and body as they were sent', async () => {
    const cluster = await startCluster();
    const event = eventOf(uuidv7(Date.now()));
    expect(await sinkTo(cluster.brokers).publish([event], NEVER)).toEqual([null]);
    expect(await cluster.consume(TOPIC)).toEqual([
      expect.objectContaining({
        key: event.userId,
        payload: event.body,
        headers: ['event-id', event.id, 'event-type', 'user.updated'],
        ts: event.occurredAt.getTime(),
      }),
    ]);
  });

  test('a user’s events share a partition and keep their order there', async () => {
    const cluster = await startCluster();
    const sink = sinkTo(cluster.brokers);
    const users = Array.from({ length: 8 }, () => uuidv7(Date.now()));
    for (let count = 0; count < 10; count += 1) {
      const outcomes = await sink.publish(
        users.map((user) => eventOf(user, count)),
        NEVER,
      );
      expect(outcomes).toEqual(users.map(() => null));
    }
    const messages = await cluster.consume(TOPIC);
    expect(messages).toHaveLength(80);
    expect(new Set(messages.map(({ partition }) => partition)).size).toBeGreaterThan(1);
    for (const user of users) {
      const own = messages.filter(({ key }) => key === user);
      expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
      expect(own.map(({ payload }) => JSON.parse(payload).count)).toEqual([
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
      ]);
    }
  });

  test('rounds that publish at once do not get into each other’s way', async () => {
    const cluster = await startCluster();
    const sink = sinkTo(cluster.brokers);
    const rounds = await Promise.all(
      Array.from({ length: 8 }, () => sink.publish([eventOf('u'), eventOf('v')], NEVER)),
    );
    expect(rounds.flat().every((outcome) => outcome === null)).toBe(true);
    expect(await cluster.consume(TOPIC)).toHaveLength(16);
  });

  test('after an outage the same sink publishes again', async () => {
    const cluster = await startCluster();
    const sink = sinkTo(cluster.brokers);
    expect(await sink.publish([eventOf('u', 1)], NEVER)).toEqual([null]);
    await cluster.pause();
    const outcomes = await sink.publish([eventOf('u', 2)], AbortSignal.timeout(200));
    expect(outcomes).toEqual([new Error('no answer in time')]);
    cluster.resume();
    expect(await sink.publish([eventOf('u', 3)], NEVER)).toEqual([null]);
    const counts = (await cluster.consume(TOPIC)).map(({ payload }) => JSON.parse(payload).count);
    // What was under way in the outage may have arrived: unconfirmed is not the same as not there.
    expect(counts.filter((count) => count !== 2)).toEqual([1, 3]);
  });
});
