import { readFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { listenOnFreePort } from './listen-on-free-port.ts';

const SOCKET = '.s.PGSQL.5432';
/** SSLRequest: its length, then 1234.5679 (PostgreSQL's protocol, §54.7). */
const SSL_REQUEST = Buffer.from('0000000804d2162f', 'hex');

/** The certificate of `localhost`, which is its own authority. */
export const CERTIFICATE = fileURLToPath(new URL('localhost-cert.pem', import.meta.url));
const KEY = fileURLToPath(new URL('localhost-key.pem', import.meta.url));

/**
 * A way to PostgreSQL that speaks TLS and nothing else, like a server whose pg_hba.conf has `hostssl`
 * lines only: it ends the encryption and passes everything on.
 * @returns the URL of the same database by `localhost`, without an sslmode
 */
export async function startPostgresTls(connectionString: string) {
  const [base = '', query] = connectionString.split('?');
  const target = join(new URLSearchParams(query).get('host') ?? '', SOCKET);
  const cert = readFileSync(CERTIFICATE);
  const key = readFileSync(KEY);
  const ends = new Set<Socket>();

  const server = createServer((client) => {
    ends.add(client);
    client.on('error', () => client.destroy()).on('close', () => ends.delete(client));
    client.once('data', (first) => {
      if (!first.equals(SSL_REQUEST)) {
        client.destroy();
        return;
      }
      client.write('S');
      const plain = new TLSSocket(client, { isServer: true, cert, key });
      const upstream = createConnection(target);
      pipeline(plain, upstream, plain, () => client.destroy());
    });
  });
  const port = await listenOnFreePort(server);
  return {
    url: base.replace('@/', `@localhost:${port}/`),
    async stop() {
      for (const end of ends) end.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
