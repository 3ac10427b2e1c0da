import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { call } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { createInstallation, type Installation, type Serving } from '../support/process.ts';

/** Longer than a request may be kept waiting, with a moment in between to do something. */
const STOPPED_MS = 1_600;
const RUNNING_MS = 60;

let installation: Installation;
let api: Serving;

beforeEach(async () => {
  installation = await createInstallation({ AUTHCTL_LOG_LEVEL: 'error' });
  api = await installation.serve('--no-worker');
}, 30_000);
afterEach(() => installation.remove());

/** Gives the process next to no time, `rounds` times, asking it for something each time. */
async function starve<T>(rounds: number, ask: () => Promise<T>): Promise<T[]> {
  const answers: Promise<T>[] = [];
  for (let round = 0; round < rounds; round += 1) {
    process.kill(api.pid, 'SIGSTOP');
    answers.push(ask());
    await sleep(STOPPED_MS);
    process.kill(api.pid, 'SIGCONT');
    await sleep(RUNNING_MS);
  }
  return Promise.all(answers);
}

const unknownToken = () => call(`${api.url}/v1/me`, { token: 'v4.public.nobodys' });

test('a process that gets no CPU refuses at once, says so in its health, and catches up by itself', async () => {
  const answers = await starve(5, unknownToken);
  expect(answers.at(-1)).toMatchObject({ status: 503, body: { code: 'overloaded' } });
  const [health] = await starve(1, () => call(`${api.url}/health`));
  expect(health).toMatchObject({ status: 503, body: { checks: { event_loop: 'failing' } } });

  await eventually('it serves again', async () => (await unknownToken()).status === 401);
  const well = await call(`${api.url}/health`);
  expect(well).toMatchObject({ status: 200, body: { checks: { event_loop: 'ok' } } });
}, 30_000);

test('one that only slept for a while serves all who waited', async () => {
  const [answer] = await starve(1, unknownToken);
  expect(answer?.status).toBe(401);
});
