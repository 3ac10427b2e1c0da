import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/**
 * Finds a loopback port that nobody listens on. Another process may take it before it is used; the
 * system gives out different ones in turn, so that is rare, and the appliance then says so.
 */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
