import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** TXT records by name, each a list of its strings; or what else the server does when asked. */
export type DnsAnswer = readonly (readonly string[])[] | 'nxdomain' | 'refused' | 'silence';

export interface DnsServer {
  /** `host:port`, as `--resolver` takes it. */
  readonly address: string;
  /** The names that were asked for. */
  readonly asked: string[];
  answer(name: string, answer: DnsAnswer): void;
  close(): Promise<void>;
}

const TXT = 16;
const IN = 1;
const RCODE = { ok: 0, nxdomain: 3, refused: 5 };
const RESPONSE_FLAGS = 0x8480;
const HEADER_BYTES = 12;

/** A DNS server on loopback that answers TXT questions (RFC 1035 §4); other names do not exist. */
export async function startDns(): Promise<DnsServer> {
  const answers = new Map<string, DnsAnswer>();
  const asked: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, { address, port }) => {
    const { name, question } = readQuestion(query);
    asked.push(name);
    const answer = answers.get(name.toLowerCase()) ?? 'nxdomain';
    if (answer !== 'silence') socket.send(respond(query, question, answer), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    answer: (name, answer) => void answers.set(name, answer),
    async close() {
      socket.close();
      await once(socket, 'close');
    },
  };
}

function readQuestion(query: Buffer): { name: string; question: Buffer } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  // The root label, type and class.
  return { name: labels.join('.'), question: query.subarray(HEADER_BYTES, at + 5) };
}

function respond(query: Buffer, question: Buffer, answer: Exclude<DnsAnswer, 'silence'>): Buffer {
  const records = typeof answer === 'string' ? [] : answer.map(txtRecord);
  const header = Buffer.alloc(HEADER_BYTES);
  query.copy(header, 0, 0, 2);
  const code = typeof answer === 'string' ? RCODE[answer] : RCODE.ok;
  header.writeUInt16BE(RESPONSE_FLAGS | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, question, ...records]);
}

function txtRecord(strings: readonly string[]): Buffer {
  const data = strings.map((text) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)]));
  const length = data.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const head = Buffer.alloc(12);
  // The name is that of the question: a pointer to it.
  head.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
  head.writeUInt16BE(TXT, 2);
  head.writeUInt16BE(IN, 4);
  head.writeUInt32BE(1, 6);
  head.writeUInt16BE(length, 10);
  return Buffer.concat([head, ...data]);
}
