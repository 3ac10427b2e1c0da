import { Agent, request } from 'node:http';

export interface Outcome {
  readonly email: string;
  /** null: the connection ended without an answer. */
  readonly status: number | null;
  readonly code: string | undefined;
}

export interface RegistrationLoad {
  /** What became of every request so far, in the order of the answers. */
  readonly journal: readonly Outcome[];
  /** Addresses whose registration was acknowledged. */
  acknowledged(): string[];
  /** Sends no more; resolves when every request has its outcome. */
  stop(): Promise<void>;
  /** Resolves when every connection has ended by itself. */
  readonly over: Promise<void>;
}

export interface LoadOptions {
  readonly name: string;
  readonly domain: string;
  readonly connections?: number;
  /** Each with an Idempotency-Key, which is its address. */
  readonly isKeyed?: boolean;
}

export const PASSWORD = 'correct horse battery staple';

/**
 * Registers one new address after the other on each of some connections, and keeps a journal. A
 * connection that the server ends is not opened again.
 */
export function startRegistrations(url: string, options: LoadOptions): RegistrationLoad {
  const { name, domain, connections = 50, isKeyed = false } = options;
  const journal: Outcome[] = [];
  const stopping = new AbortController();
  let sent = 0;

  async function runConnection(): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let isOpen = true;
    while (isOpen && !stopping.signal.aborted) {
      sent += 1;
      const email = `${name}${sent}@${domain}`;
      const key = isKeyed ? { 'Idempotency-Key': email } : {};
      const answer = await post(agent, `${url}/v1/register`, { email, password: PASSWORD }, key);
      journal.push({ email, status: answer?.status ?? null, code: answer?.code });
      isOpen = answer !== null && !answer.isLast;
    }
    agent.destroy();
  }

  const over = Promise.all(Array.from({ length: connections }, runConnection)).then(
    () => undefined,
  );
  return {
    journal,
    over,
    acknowledged: () =>
      journal.flatMap(({ email, status }) => (status === 201 || status === 202 ? [email] : [])),
    stop() {
      stopping.abort();
      return over;
    },
  };
}

interface Reply {
  readonly status: number;
  readonly code: string | undefined;
  readonly isLast: boolean;
}

/** Sends a request; null when the connection ends before its answer is complete. */
function post(
  agent: Agent,
  url: string,
  body: object,
  more: Record<string, string>,
): Promise<Reply | null> {
  return new Promise((resolve) => {
    const headers = { 'Content-Type': 'application/json', ...more };
    const sending = request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.on('error', () => resolve(null));
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        const { code } = JSON.parse(text) as { code?: string };
        const isLast = response.headers.connection === 'close';
        resolve({ status: response.statusCode ?? 0, code, isLast });
      });
    });
    sending.on('error', () => resolve(null));
    sending.end(JSON.stringify(body));
  });
}
