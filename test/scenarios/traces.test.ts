import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAccount, logIn, newAddress, PASSWORD } from '../support/accounts.ts';
import { type CollectedSpan, type Collector, startCollector } from '../support/collector.ts';
import { type MailedAppliance, startMailedAppliance } from '../support/mailbox.ts';
import { startTestManagement, type TestManagement } from '../support/management.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const THEIR_TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const THEIR_SPAN = '00f067aa0ba902b7';
/** A caller that wants to be traced. */
const traceparent = `00-${THEIR_TRACE}-${THEIR_SPAN}-01`;

const SERVER = 2;
const CLIENT = 3;

let collector: Collector;
let webhooks: WebhookReceiver;
let appliance: MailedAppliance;
let management: TestManagement;

beforeAll(async () => {
  collector = await startCollector();
  webhooks = await startWebhookReceiver();
  appliance = await startMailedAppliance({
    env: {
      ...tracingTo(collector),
      AUTHCTL_HASH_MODE: 'deferred',
      AUTHCTL_WEBHOOK_URL: webhooks.url,
    },
  });
  management = await startTestManagement(appliance);
});
afterAll(async () => {
  await management.stop();
  await appliance.stop();
  await webhooks.close();
  await collector.close();
});

const tracingTo = ({ endpoint }: Collector): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=a%20key%3D',
  OTEL_SERVICE_NAME: 'sign-in',
});

/** The span of the request with this id. */
const ofRequest = (id: string) =>
  collector.find(`of request ${id}`, ({ attributes }) => attributes['authctl.request_id'] === id);

const childrenOf = ({ spanId }: CollectedSpan): CollectedSpan[] =>
  collector.spans.filter(({ parentSpanId }) => parentSpanId === spanId);

function parentOf({ parentSpanId }: CollectedSpan): CollectedSpan | undefined {
  return collector.spans.find(({ spanId }) => spanId === parentSpanId);
}

test('a request is one span, and what it waited for are steps of it', async () => {
  const account = await createAccount(appliance);
  const headers = { 'X-Request-Id': 'login-1' };
  const { email } = account;
  const body = { email, password: PASSWORD };
  expect((await appliance.call('/v1/login?next=home', { body, headers })).status).toBe(422);
  expect((await appliance.call('/v1/login', { body, headers })).status).toBe(200);
  await collector.find(
    'the second answer',
    ({ attributes }) =>
      attributes['authctl.request_id'] === 'login-1' &&
      attributes['http.response.status_code'] === 200,
  );

  const [refused, served] = collector.spans.filter(
    ({ attributes }) => attributes['authctl.request_id'] === 'login-1',
  );
  expect(served).toMatchObject({
    name: 'POST /v1/login',
    kind: SERVER,
    parentSpanId: undefined,
    hasFailed: false,
    resource: { 'service.name': 'sign-in', 'authctl.role': 'api' },
  });
  expect(served!.attributes).toEqual({
    'http.request.method': 'POST',
    'http.route': '/v1/login',
    'http.response.status_code': 200,
    'authctl.request_id': 'login-1',
  });
  expect(refused).toMatchObject({
    attributes: { 'http.response.status_code': 422, 'error.type': 'validation_failed' },
    hasFailed: false,
  });
  const steps = childrenOf(served!);
  expect(steps.map(({ name }) => name)).toContain('password.hash');
  const statements = steps.filter(({ kind }) => kind === CLIENT);
  expect(statements.length).toBeGreaterThan(1);
  for (const { attributes } of statements)
    expect(attributes).toEqual({ 'db.system.name': 'postgresql' });
  expect(new Set(steps.map(({ traceId }) => traceId))).toEqual(new Set([served!.traceId]));
  expect(collector.exports[0]).toMatchObject({
    path: '/v1/traces',
    headers: { 'x-collector-key': 'a key=' },
  });
});

test('a path that is no route is not named, and health is not traced', async () => {
  const headers = { 'X-Request-Id': 'unknown-1' };
  await appliance.call('/health', { headers: { 'X-Request-Id': 'health-1' } });
  await appliance.call('/v1/reset/a-token-in-a-path', { headers });
  const span = await ofRequest('unknown-1');
  expect(span).toMatchObject({ name: 'GET', attributes: { 'error.type': 'not_found' } });
  expect(span.attributes).not.toHaveProperty('http.route');
  const ids = collector.spans.map(({ attributes }) => attributes['authctl.request_id']);
  expect(ids).not.toContain('health-1');
});

test('a stranger is linked to; only management continues the trace of its caller', async () => {
  const theirs = { traceId: THEIR_TRACE, spanId: THEIR_SPAN };
  await appliance.call('/v1/me', { headers: { traceparent, 'X-Request-Id': 'stranger-1' } });
  const stranger = await ofRequest('stranger-1');
  expect(stranger.traceId).not.toBe(THEIR_TRACE);
  expect(stranger.links).toMatchObject([theirs]);

  await management.call('/admin/v1/status', {
    headers: { traceparent, 'X-Request-Id': 'operator-1' },
  });
  const operator = await ofRequest('operator-1');
  expect(operator).toMatchObject({ traceId: THEIR_TRACE, parentSpanId: THEIR_SPAN, links: [] });

  const nonsense = { traceparent: '00-zz-zz-01', 'X-Request-Id': 'nonsense-1' };
  await appliance.call('/v1/me', { headers: nonsense });
  expect(await ofRequest('nonsense-1')).toMatchObject({ parentSpanId: undefined, links: [] });
});

test('a batch of many requests is a step of one of them, linked to the others', async () => {
  const names = Array.from({ length: 60 }, () => newAddress('open.example'));
  await Promise.all(
    names.map((email, index) =>
      appliance.call('/v1/register', {
        body: { email, password: PASSWORD },
        headers: { 'X-Request-Id': `crowd-${index}` },
      }),
    ),
  );
  const requests = await Promise.all(names.map((_, index) => ofRequest(`crowd-${index}`)));
  const traces = new Set(requests.map(({ traceId }) => traceId));
  expect(traces.size).toBe(names.length);
  const batches = collector.spans.filter(
    ({ name, traceId }) => name === 'registrations.batch' && traces.has(traceId),
  );
  const callers = batches.reduce((sum, { attributes }) => {
    return sum + Number(attributes['authctl.callers']);
  }, 0);
  expect(callers).toBe(names.length);
  expect(batches.some(({ links }) => links.length > 0)).toBe(true);
  for (const batch of batches) {
    expect(parentOf(batch)).toMatchObject({ name: 'POST /v1/register' });
    expect(batch.links.length).toBe(Number(batch.attributes['authctl.callers']) - 1);
    expect(childrenOf(batch).some(({ kind }) => kind === CLIENT)).toBe(true);
  }
});

test.each([
  ['credentials.harden_batch', 'password.hash'],
  ['mail.deliver', 'mail.send'],
  ['events.relay_batch', 'events.publish'],
])('a worker traces what it found to do: %s has its %s', async (work, step) => {
  await createAccount(appliance);
  const isStep = (span: CollectedSpan) => span.name === step && parentOf(span)?.name === work;
  const found = await collector.find(step, isStep);
  expect(parentOf(found)).toMatchObject({ parentSpanId: undefined, hasFailed: false });
});

test('no statement stands outside of a request or a batch', () => {
  const roots = collector.spans.filter(({ parentSpanId }) => parentSpanId === undefined);
  const others = roots.filter(({ kind, name }) => kind !== SERVER && !/_batch$|^mail/.test(name));
  expect(others).toEqual([]);
});

test('a failure says its code, and never what it was about', async () => {
  await appliance.sql('ALTER TABLE flows RENAME TO flows_away');
  try {
    const headers = { 'X-Request-Id': 'fault-1' };
    const email = newAddress();
    const answer = await appliance.call('/v1/register', {
      body: { email, password: PASSWORD },
      headers,
    });
    expect(answer.status).toBe(500);
    const span = await ofRequest('fault-1');
    expect(span).toMatchObject({ hasFailed: true, attributes: { 'error.type': 'internal' } });
    const failed = collector.spans.filter(
      ({ traceId, hasFailed }) => traceId === span.traceId && hasFailed,
    );
    expect(failed.map(({ attributes }) => attributes['error.type'])).toContain('42P01');
    expect(JSON.stringify(collector.spans)).not.toContain(email);
  } finally {
    await appliance.sql('ALTER TABLE flows_away RENAME TO flows');
  }
});

test('at a ratio of nothing, a caller that asks for it is not traced either', async () => {
  const silent = await startCollector();
  const other = await startMailedAppliance({
    env: {
      ...tracingTo(silent),
      OTEL_TRACES_SAMPLER_ARG: '0',
      AUTHCTL_TRUSTED_PROXIES: '127.0.0.1',
    },
  });
  try {
    const { email } = await createAccount(other);
    await logIn(other, { email });
    await other.call('/v1/me', { headers: { traceparent } });
  } finally {
    // What was waiting is sent now.
    await other.stop();
    await silent.close();
  }
  expect(silent.exports).toEqual([]);
});

test('a trusted proxy is continued', async () => {
  const behind = await startMailedAppliance({
    env: { ...tracingTo(collector), AUTHCTL_TRUSTED_PROXIES: '127.0.0.1' },
  });
  await behind.call('/v1/me', { headers: { traceparent, 'X-Request-Id': 'proxied-1' } });
  await behind.stop();
  expect(await ofRequest('proxied-1')).toMatchObject({
    traceId: THEIR_TRACE,
    parentSpanId: THEIR_SPAN,
  });
});
