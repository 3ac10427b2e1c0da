import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

const BINARIES = ['chromium', 'google-chrome', 'chromium-browser'];
const OPTIONS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--no-first-run',
  '--window-size=1280,900',
  '--remote-debugging-port=0',
];

export const whyNoBrowser = `none of ${BINARIES.join(', ')} is installed`;

/**
 * The browser of this machine; null where there is none and the tests that need one are skipped.
 * Where it counts, under `CI`, a missing one is an error.
 */
export const browserBinary = findBinary();

function findBinary(): string | null {
  const found = BINARIES.find((binary) => {
    try {
      execFileSync(binary, ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
  if (!found && process.env['CI']) throw new Error(whyNoBrowser);
  return found ?? null;
}

export interface BrowserPage {
  /** What the page, and the browser about it, complained of: errors, refused resources, violations. */
  readonly complaints: string[];
  /** Every URL it asked for. */
  readonly requests: string[];
  /** The value of an expression in the page; promises are awaited. */
  evaluate<T>(expression: string): Promise<T>;
  /** Writes what a person would see to a PNG file. */
  screenshot(file: string): Promise<void>;
}

export interface Browser {
  open(url: string): Promise<BrowserPage>;
  close(): Promise<void>;
}

/** Starts a headless browser with a profile of its own, driven through its DevTools protocol. */
export async function startBrowser(): Promise<Browser> {
  const profile = await mkdtemp('/tmp/authctl-browser-');
  const child = spawn(browserBinary!, [...OPTIONS, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const protocol = await connect(await endpointOf(child));
  return {
    open: (url) => openPage(protocol, url),
    async close() {
      protocol.close();
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function endpointOf(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stderr! })) {
    const [, endpoint] = /^DevTools listening on (ws:\S+)/.exec(line) ?? [];
    if (endpoint === undefined) continue;
    child.stderr!.resume();
    return endpoint;
  }
  throw new Error(`${browserBinary} did not start`);
}

type Params = Record<string, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: the protocol's answers are what its reference says
type Answer = any;
type Listener = (method: string, params: Answer) => void;

interface Protocol {
  send(method: string, params?: Params, sessionId?: string): Promise<Answer>;
  listen(sessionId: string, listener: Listener): void;
  close(): void;
}

async function connect(endpoint: string): Promise<Protocol> {
  const socket = new WebSocket(endpoint);
  const waiting = new Map<number, PromiseWithResolvers<Answer>>();
  const listeners = new Map<string, Listener>();
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error, method, params, sessionId } = JSON.parse(String(data));
    if (id === undefined) listeners.get(sessionId)?.(method, params);
    else if (error) waiting.get(id)?.reject(new Error(error.message));
    else waiting.get(id)?.resolve(result);
  });
  await once(socket, 'open');
  let lastId = 0;
  return {
    send(method, params = {}, sessionId) {
      const answer = Promise.withResolvers<Answer>();
      lastId += 1;
      waiting.set(lastId, answer);
      socket.send(JSON.stringify({ id: lastId, method, params, sessionId }));
      return answer.promise;
    },
    listen: (sessionId, listener) => listeners.set(sessionId, listener),
    close: () => socket.close(),
  };
}

async function openPage(protocol: Protocol, url: string): Promise<BrowserPage> {
  const { targetId } = await protocol.send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await protocol.send('Target.attachToTarget', { targetId, flatten: true });
  const send = (method: string, params?: Params) => protocol.send(method, params, sessionId);
  const complaints: string[] = [];
  const requests: string[] = [];
  protocol.listen(sessionId, (method, params) => {
    if (method === 'Network.requestWillBeSent') requests.push(params.request.url);
    const complaint = readComplaint(method, params);
    if (complaint !== null) complaints.push(complaint);
  });
  for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'Audits'])
    await send(`${domain}.enable`);
  await send('Page.navigate', { url });
  return {
    complaints,
    requests,
    async evaluate(expression) {
      const options = { expression, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails } = await send('Runtime.evaluate', options);
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? expression);
      return result.value;
    },
    async screenshot(file) {
      const { data } = await send('Page.captureScreenshot', { format: 'png' });
      await writeFile(file, Buffer.from(data, 'base64'));
    },
  };
}

function readComplaint(method: string, params: Answer): string | null {
  switch (method) {
    case 'Runtime.exceptionThrown':
      return params.exceptionDetails.exception?.description ?? params.exceptionDetails.text;
    case 'Runtime.consoleAPICalled':
      return ['error', 'warning', 'assert'].includes(params.type)
        ? params.args.map((arg: Answer) => arg.value ?? arg.description).join(' ')
        : null;
    case 'Log.entryAdded':
      return ['error', 'warning'].includes(params.entry.level)
        ? `${params.entry.text} ${params.entry.url ?? ''}`
        : null;
    case 'Audits.issueAdded':
      return params.issue.code === 'ContentSecurityPolicyIssue'
        ? JSON.stringify(params.issue.details.contentSecurityPolicyIssueDetails)
        : null;
    default:
      return null;
  }
}
