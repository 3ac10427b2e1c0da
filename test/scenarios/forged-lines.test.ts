import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeLines } from '../../src/cli/write-lines.ts';
import { createScope } from '../../src/lib/lifecycle.ts';
import { createAuditSearch } from '../../src/services/audit/search.ts';
import { sendRaw } from '../http/support/http.ts';
import { PASSWORD } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';

/** Whatever is sent: one line a request in the log, one a record in the audit's export. */
let appliance: TestAppliance;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp('/tmp/authctl-forged-');
  appliance = await startAppliance({
    env: {
      AUTHCTL_LOG_LEVEL: 'trace',
      AUTHCTL_LOG_FILE: join(folder, 'log'),
      AUTHCTL_LOG_SAMPLE: '1',
    },
  });
});
afterAll(async () => {
  await appliance.stop();
  await rm(folder, { recursive: true });
});

/** What ends a line for somebody, and what moves a terminal's cursor. */
const FORGED = 'x\r\n{"level":"info","msg":"forged"}\u2028\u2029\u0085\u009b2J\u001b[2J\t\u202e';
/** What of it a header can carry. */
const FORGED_HEADER = 'x\u0085{"msg":"forged"}\u009b2J\t';
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** Every line of a file, each one an object by itself. */
async function linesOf(file: string): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  for (const line of lines) expect(line).not.toMatch(UNSAFE);
  return lines.map((line) => JSON.parse(line));
}

test('no field, header, path or query makes a line of its own', async () => {
  let sent = 0;
  const post = (path: string, body: object) => {
    sent += 1;
    return appliance.call(path, { body, headers: { 'X-Request-Id': 'a<b' } });
  };
  const email = 'ada@open.example';
  await post('/v1/register', { email, password: PASSWORD, username: FORGED });
  await post('/v1/register', { email: `${FORGED}@open.example`, password: PASSWORD });
  await post('/v1/register', { email, password: PASSWORD, [FORGED]: FORGED });
  await post('/v1/register', { email, password: PASSWORD, device_name: FORGED });
  await post('/v1/login', { email, password: FORGED });
  await post('/v1/login', { username: FORGED, password: FORGED });
  await post('/v1/verify', { flow_token: FORGED, code: FORGED });
  await post('/v1/token/refresh', { refresh_token: FORGED });
  await post(`/v1/${encodeURIComponent(FORGED)}?${encodeURIComponent(FORGED)}=1`, {});
  const body = JSON.stringify({ email, password: 'not my password at all' });
  const { port } = appliance.api.listener;
  for (const header of ['User-Agent', 'X-Request-Id', 'X-Forwarded-For', 'Idempotency-Key']) {
    sent += 1;
    const head = `POST /v1/login HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n`;
    const bytes = `${head}Content-Length: ${body.length}\r\n${header}: ${FORGED_HEADER}\r\n\r\n${body}`;
    expect(await sendRaw(port, Buffer.from(bytes, 'latin1'))).toMatch(/^HTTP\/1\.1 401 /);
  }

  appliance.core.log.flush();
  const requests = async () =>
    (await linesOf(join(folder, 'log'))).filter(({ msg }) => msg === 'request').length;
  await eventually('every request has its line', async () => (await requests()) >= sent);
  expect(await requests()).toBe(sent);

  const file = join(folder, 'audit.ndjson');
  const found = createAuditSearch(appliance.core).all({});
  const written = await writeLines(found, file, createScope(), 'The audit');
  const records = await linesOf(file);
  expect(records).toHaveLength(written);
  expect(records.filter(({ msg }) => msg === 'forged')).toEqual([]);
  expect(records.filter(({ user_agent }) => user_agent === FORGED_HEADER.trim())).toHaveLength(1);
});
