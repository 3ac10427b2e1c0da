import { createServer, type IncomingHttpHeaders } from 'node:http';
import { listenOnFreePort } from './listen-on-free-port.ts';

export interface ReceivedWebhook {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What to answer: a status with headers, or never. */
export type WebhookAnswer =
  | number
  | { status: number; headers: Record<string, string> }
  | 'nothing';

export interface WebhookReceiver {
  readonly url: string;
  readonly received: ReceivedWebhook[];
  /** Connections that were opened. */
  connections(): number;
  close(): Promise<void>;
}

/** An HTTP server on this machine that keeps what it is sent. */
export async function startWebhookReceiver(
  answer: (webhook: ReceivedWebhook) => WebhookAnswer | Promise<WebhookAnswer> = () => 204,
): Promise<WebhookReceiver> {
  const received: ReceivedWebhook[] = [];
  let connections = 0;
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const webhook = { path: request.url ?? '', headers: request.headers, body };
    received.push(webhook);
    const given = await answer(webhook);
    if (given === 'nothing') return;
    const { status, headers } = typeof given === 'number' ? { status: given, headers: {} } : given;
    response.writeHead(status, headers).end();
  });
  server.on('connection', () => {
    connections += 1;
  });
  const port = await listenOnFreePort(server);
  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    connections: () => connections,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
