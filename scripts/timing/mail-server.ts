import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** A mail server that takes its time to greet, or one that is down: an address where none listens. */
export async function startMailServer(greetsAfterMs: number | 'never') {
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onConnect: (_, greet) => void setTimeout(greet, Number(greetsAfterMs)),
    onData: (stream, _, accept) => {
      stream.resume();
      stream.on('end', () => accept());
    },
  });
  // Clients are cut off when the appliance or this server stops.
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  if (greetsAfterMs === 'never') await close();
  return { url: `smtp://127.0.0.1:${port}`, close };
}
