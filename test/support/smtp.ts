import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** A certificate for localhost that nobody's system trusts: for tests, with its key, both public. */
export const TEST_CERTIFICATE = readFileSync(
  new URL('localhost-cert.pem', import.meta.url),
  'utf8',
);
const TEST_KEY = readFileSync(new URL('localhost-key.pem', import.meta.url), 'utf8');

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly isEncrypted: boolean;
  /** As it came over the wire. */
  readonly raw: string;
  readonly mail: Email;
}

/** Where in a session something is about to be answered; `content` is before the final dot, `end` after it. */
export type Stage = 'connect' | 'mail' | 'rcpt' | 'content' | 'end';

/** A reply code to refuse with, `drop` to cut the connection, nothing to accept. */
export type Reaction = number | 'drop' | undefined;

export interface SmtpScript {
  /** What to do at a stage; `nth` counts that stage from 1. */
  react?(stage: Stage, nth: number, recipient: string): Reaction;
  readonly options?: SMTPServerOptions;
}

export interface SmtpSink {
  readonly port: number;
  /** Everything that came with its final dot, whatever was answered then. */
  readonly received: readonly ReceivedMail[];
  /** How often each stage was reached. */
  readonly reached: Readonly<Record<Stage, number>>;
  /** What clients said, as it came over the wire, until they turned to TLS. */
  transcript(): string;
  /** Cuts every connection, without a word. */
  cutConnections(): void;
  close(): Promise<void>;
}

/** A real SMTP server on this machine that follows a script. */
export async function startSmtpSink(script: SmtpScript = {}): Promise<SmtpSink> {
  const received: ReceivedMail[] = [];
  const reached = { connect: 0, mail: 0, rcpt: 0, content: 0, end: 0 };

  /** Refuses or cuts off as the script says; true when the session goes on. */
  function pass(
    stage: Stage,
    sessionId: string,
    recipient: string,
    callback: (error?: Error | null) => void,
  ): boolean {
    reached[stage] += 1;
    const reaction = script.react?.(stage, reached[stage], recipient);
    if (reaction === undefined) return true;
    if (reaction === 'drop') cutOff(server, sessionId);
    else callback(refusal(reaction, recipient));
    return false;
  }

  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    key: TEST_KEY,
    cert: TEST_CERTIFICATE,
    onConnect: (session, done) => pass('connect', session.id, '', done) && done(),
    onMailFrom: (_, session, done) => pass('mail', session.id, '', done) && done(),
    onRcptTo: ({ address }, session, done) => pass('rcpt', session.id, address, done) && done(),
    onData(stream, session, done) {
      const to = session.envelope.rcptTo.map(({ address }) => address);
      const recipient = to[0] ?? '';
      const chunks: Buffer[] = [];
      let isCutOff = false;
      stream.once('data', () => {
        isCutOff = !pass('content', session.id, recipient, () => undefined);
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', async () => {
        if (isCutOff) return;
        const raw = Buffer.concat(chunks).toString('utf8');
        const from = session.envelope.mailFrom ? session.envelope.mailFrom.address : '';
        const mail = await PostalMime.parse(raw);
        received.push({ from, to, isEncrypted: session.secure, raw, mail });
        if (pass('end', session.id, recipient, done)) done();
      });
    },
    ...script.options,
  });
  server.on('error', () => undefined);
  let transcript = '';
  server.server.on('connection', (socket: Socket) => {
    socket.on('data', (chunk: Buffer) => {
      transcript += chunk.toString('latin1');
    });
  });
  const cutConnections = () => {
    for (const connection of server.connections) connection._socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    received,
    reached,
    transcript: () => transcript,
    cutConnections,
    close() {
      cutConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A server that talks SMTP until `stage` and from there on sends a byte now and then, for ever. */
export async function startTarpit(stage: 'greeting' | 'EHLO' | 'MAIL' | 'RCPT' | 'DATA' | '.') {
  const sockets = new Set<Socket>();
  let stalled = 0;

  function serve(socket: Socket): void {
    sockets.add(socket);
    const answer = (step: string, reply: string) => {
      if (step !== stage) return socket.write(reply);
      stalled += 1;
      const drip = setInterval(() => socket.write('2'), 20);
      return socket.once('close', () => clearInterval(drip));
    };
    let isData = false;
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      if (isData) {
        if (text.endsWith('\r\n.\r\n')) answer('.', '250 ok\r\n');
        return;
      }
      const verb = text.slice(0, 4).trim().toUpperCase();
      isData = verb === 'DATA';
      answer(verb, isData ? '354 go on\r\n' : '250 ok\r\n');
    });
    answer('greeting', '220 tarpit\r\n');
  }

  const server = await listen(serve);
  return {
    port: (server.address() as AddressInfo).port,
    /** How many clients it holds up or has held up. */
    stalled: () => stalled,
    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server that accepts connections and never says a word. */
export async function startSilentServer() {
  const sockets = new Set<Socket>();
  const server = await listen((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(serve: (socket: Socket) => void): Promise<Server> {
  const server = createServer(serve);
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function cutOff(server: SMTPServer, sessionId: string): void {
  for (const connection of server.connections)
    if (connection.session.id === sessionId) connection._socket.destroy();
}

/** Real servers quote the recipient, so ours does. */
function refusal(responseCode: number, recipient: string): Error {
  return Object.assign(new Error(`<${recipient}> refused by script`), { responseCode });
}
