import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Collector, startCollector } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { createInstallation, type Installation } from '../support/process.ts';

const DEADLINE_MS = 120_000;
const PASSWORD = 'correct horse battery staple';

let collector: Collector;
const installations: Installation[] = [];

beforeEach(async () => {
  people = 0;
  collector = await startCollector();
});
afterEach(async () => {
  for (const installation of installations.splice(0)) await installation.remove();
  await collector.close();
});

async function install(env: Record<string, string> = {}): Promise<Installation> {
  const installation = await createInstallation({
    AUTHCTL_LOG_LEVEL: 'warn',
    AUTHCTL_HASH_MODE: 'deferred',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    ...env,
  });
  installations.push(installation);
  return installation;
}

let people: number;

/** On a connection of its own, so that the kernel chooses the process anew. */
async function register(url: string): Promise<number> {
  people += 1;
  const response = await fetch(`${url}/v1/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Connection: 'close' },
    body: JSON.stringify({ email: `person${people}@example.com`, password: PASSWORD }),
  });
  await response.arrayBuffer();
  return response.status;
}

const registerMany = (url: string, count: number) =>
  Promise.all(Array.from({ length: count }, () => register(url)));

const registrations = () =>
  collector.spans.filter(({ name, kind }) => name === 'POST /v1/register' && kind === 2);

test(
  'every process of serve traces, flags reach the children, and the last spans leave before the end',
  async () => {
    const installation = await install();
    const api = await installation.serve('--workers', '2', '--otel-service-name', 'sign-in');
    await eventually('both processes have traced a request', async () => {
      await registerMany(api.url, 20);
      const pids = registrations().map(({ resource }) => resource['process.pid']);
      return new Set(pids).size === 2;
    });
    await collector.find('of the worker', ({ name }) => name === 'credentials.harden_batch');
    await collector.find('of a mail', ({ name }) => name === 'mail.deliver');

    await registerMany(api.url, 7);
    expect(await api.end('SIGTERM')).toBe(0);
    expect(registrations().length).toBe(people);
    const ofOthers = collector.spans.filter(
      ({ resource }) => resource['service.name'] !== 'sign-in',
    );
    expect(ofOthers).toEqual([]);
    expect(api.log()).toBe('');
  },
  DEADLINE_MS,
);

test(
  'a collector that never answers costs nothing but a line, and the stop stays clean',
  async () => {
    collector.treat('nothing');
    const installation = await install();
    const api = await installation.serve();
    await eventually('it was tried', async () => {
      expect(new Set(await registerMany(api.url, 50))).toEqual(new Set([202]));
      return collector.exports.length > 0;
    });
    await eventually('it is in the log', () => api.log().includes('spans are not delivered'));
    expect(new Set(await registerMany(api.url, 50))).toEqual(new Set([202]));
    expect(await api.end('SIGTERM')).toBe(0);
    const lines = api.log().trimEnd().split('\n');
    // The API and its worker.
    expect(lines.length).toBeLessThanOrEqual(2);
    for (const line of lines)
      expect(JSON.parse(line)).toMatchObject({ level: 'warn', reason: 'no answer in time' });
    expect(installation.processes()).toEqual([]);
  },
  DEADLINE_MS,
);

test(
  'a collector that is not there: requests are served, one line says so, and the stop stays clean',
  async () => {
    const { endpoint } = collector;
    await collector.close();
    const installation = await install({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
    const api = await installation.serve('--no-worker');
    expect(await register(api.url)).toBe(202);
    await eventually('it is in the log', () => api.log().includes('ECONNREFUSED'));
    for (let round = 0; round < 3; round += 1) expect(await register(api.url)).toBe(202);
    expect(await api.end('SIGTERM')).toBe(0);
    expect(api.log().trimEnd().split('\n').length).toBe(1);
    collector = await startCollector();
  },
  DEADLINE_MS,
);

test(
  'metrics and lines of the log leave every process too, where they are asked for',
  async () => {
    const installation = await install({
      AUTHCTL_LOG_LEVEL: 'info',
      AUTHCTL_LOG_SAMPLE: '1',
      OTEL_METRICS_EXPORTER: 'otlp',
      AUTHCTL_OTEL_METRICS_INTERVAL: '1s',
      OTEL_LOGS_EXPORTER: 'otlp',
    });
    const api = await installation.serve('--workers', '2');
    /** What all processes count together, each by its last export. */
    const countedBy = (name: string) => {
      const last = new Map(
        collector.metrics
          .filter((metric) => metric.name === name)
          .map(({ points, resource }) => [
            resource['service.instance.id'],
            points.reduce((sum, { value }) => sum + value, 0),
          ]),
      );
      return { processes: last.size, total: [...last.values()].reduce((a, b) => a + b, 0) };
    };
    await eventually('both processes have counted a request', async () => {
      await registerMany(api.url, 4);
      return countedBy('authctl_http_requests_total').processes === 2;
    });
    const isRequest = ({ attributes }: { attributes: Readonly<Record<string, unknown>> }) =>
      attributes['route'] === 'POST /v1/register';
    const requests = () => collector.lines.filter(isRequest);
    const areHardened = () => {
      const { processes, total } = countedBy('authctl_worker_hashes_hardened_total');
      return processes === 1 && total === people;
    };
    await eventually('the worker has hardened them', areHardened, 60_000);
    expect(await api.end('SIGTERM')).toBe(0);
    expect(countedBy('authctl_http_requests_total').total).toBe(people);
    expect(countedBy('authctl_http_request_duration_seconds').total).toBe(people);
    expect(requests().length).toBe(people);
    const [line] = requests();
    expect(line).toMatchObject({ severity: 'info', attributes: { status: 202 } });
    const traced = registrations().map(({ traceId }) => traceId);
    expect(new Set(requests().map(({ traceId }) => traceId))).toEqual(new Set(traced));
    const written = api.log().trimEnd().split('\n').length;
    expect(collector.lines.length).toBeGreaterThan(written / 2);
    expect(JSON.stringify([collector.lines, collector.metrics])).not.toContain(PASSWORD);
  },
  DEADLINE_MS,
);

test(
  'without traces the other signals go out alone, in protocol buffers',
  async () => {
    const installation = await install({
      OTEL_EXPORTER_OTLP_PROTOCOL: '',
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
      AUTHCTL_LOG_LEVEL: 'info',
    });
    const api = await installation.serve('--no-worker');
    await register(api.url);
    expect(await api.end('SIGTERM')).toBe(0);
    expect(new Set(collector.exports.map(({ path }) => path))).toEqual(
      new Set(['/v1/metrics', '/v1/logs']),
    );
    const bodyOf = (path: string) =>
      Buffer.concat(collector.exports.flatMap((sent) => (sent.path === path ? sent.body : [])));
    expect(bodyOf('/v1/metrics').includes('authctl_http_requests_total')).toBe(true);
    expect(bodyOf('/v1/logs').includes('/v1/register')).toBe(true);
  },
  DEADLINE_MS,
);

test(
  'protocol buffers are what a collector gets unless JSON is asked for',
  async () => {
    const installation = await install({ OTEL_EXPORTER_OTLP_PROTOCOL: '' });
    const api = await installation.serve('--no-worker');
    await register(api.url);
    expect(await api.end('SIGTERM')).toBe(0);
    const [first] = collector.exports;
    expect(first).toMatchObject({
      path: '/v1/traces',
      headers: { 'content-type': 'application/x-protobuf' },
    });
    expect(first!.body.includes('POST /v1/register')).toBe(true);
    expect(first!.body.includes('registrations.batch')).toBe(true);
  },
  DEADLINE_MS,
);
