import { mkdtemp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createApiClient } from '../api-client.ts';
import type { BenchContext, Benchmark } from '../context.ts';
import { listResetMails, readMailedCodes } from '../cost/mailed-codes.ts';
import { type IdleRates, measureIdle } from '../cost/measure-idle.ts';
import { measureRequest, type RequestCost, requestsNeeded } from '../cost/measure-request.ts';
import { type RequestKind, singleUse } from '../cost/request-kind.ts';
import { openBenchDatabase } from '../database.ts';
import { warmUp } from '../measure-load.ts';
import { percentilesChart } from '../report/charts.ts';
import { makeUsers } from '../scene.ts';
import { errorsFigure } from '../stats/run-figures.ts';
import { type OwnedSubject, openOwnSubject } from '../subject.ts';
import { idleFigures, requestFigures } from './cost-figures.ts';
import { describe, LIMITS_OFF, NO_VERIFICATION, WORKER_OFF } from './describe.ts';

const REQUESTS = 200;
const WARMUP_CONNECTIONS = 4;
const MAILS_DEADLINE_MS = 120_000;
const MAILS_POLL_MS = 100;
const USUAL = { AUTHCTL_LIMITS: 'off' };
const DEFERRED = { ...USUAL, AUTHCTL_HASH_MODE: 'deferred' };

/** Measures a kind of request on the appliance that runs. */
type MeasureKind = (kind: RequestKind) => Promise<void>;

/** What one request costs while the appliance has nothing else to do. */
export const cost: Benchmark = {
  name: 'cost',
  title: 'What one request costs',
  async run(context) {
    const { clock, options, scope } = context;
    const startedAt = clock.now();
    const requests = options.requests ?? REQUESTS;
    const kinds = new Map<string, { kind: RequestKind; rounds: RequestCost[] }>();
    let idle: IdleRates | undefined;
    let subject = await openOwnSubject(context, { settings: DEFERRED, worker: false });
    const database = await openBenchDatabase(scope, subject.own.connectionString);
    const operatorToken = await makeOperator(subject);

    const measureOn = async (measured: OwnedSubject): Promise<MeasureKind> => {
      await warmUp(context, measured, {
        connections: WARMUP_CONNECTIONS,
        scenario: visits(context, measured),
      });
      const { url, own } = measured;
      const { managementUrl, pid } = own.appliance;
      const api = { url, managementUrl, pid, database, operatorToken };
      idle ??= await measureIdle(context, api);
      const rates = idle;
      return async (kind) => {
        const known = kinds.get(kind.id) ?? { kind, rounds: [] };
        known.rounds.push(await measureRequest(context, api, rates, kind, requests));
        kinds.set(kind.id, known);
      };
    };
    for (let round = 0; round < options.repeat; round++) {
      if (round > 0) subject = await subject.own.restart(DEFERRED);
      await measurePending(context, subject, await measureOn(subject), requests);
      subject = await subject.own.restart(USUAL);
      await measureUsual(context, subject, await measureOn(subject), requests);
    }

    const measured = [...kinds.values()];
    const runs = measured.flatMap(({ rounds }) => rounds.map(({ run }) => run));
    return describe(context, cost, subject, startedAt, {
      method: `${requests} requests of each kind on one connection, each sent when the last is answered, to an appliance that does nothing else: latency, one at a time, from which no throughput follows. CPU time is that of all threads of the API process; transactions and write-ahead log are PostgreSQL's own counts. Allocations are those on the JavaScript heap, estimated from a sampling heap profile of as many further requests. What the idle process does in the same time is taken off.`,
      options: { requests, repeat: options.repeat },
      switchedOff: [LIMITS_OFF, WORKER_OFF, NO_VERIFICATION],
      notes: [],
      runs,
      charts: [percentilesChart(measured.map(({ rounds }) => rounds.at(-1)!.run))],
      figures: [
        ...measured.flatMap(({ kind, rounds }) => requestFigures(kind, rounds)),
        ...(idle ? idleFigures(idle) : []),
        errorsFigure('cost', runs, [200, 201, 202]),
      ],
    });
  },
};

/** As in a burst: the hash is left to the worker, or to the first sign-in. */
async function measurePending(
  context: BenchContext,
  subject: OwnedSubject,
  measure: MeasureKind,
  requests: number,
): Promise<void> {
  await measure(registrations(context, subject, 'register.deferred', 'Register, hash deferred'));
  const emails = await makeUsers(context, subject, requestsNeeded(requests));
  await measure(logins(context, emails, 'login.pending', 'Log in, hash pending'));
}

/** As ever: an idle appliance hashes at once. */
async function measureUsual(
  context: BenchContext,
  subject: OwnedSubject,
  measure: MeasureKind,
  requests: number,
): Promise<void> {
  await measure(registrations(context, subject, 'register', 'Register'));
  const emails = await makeUsers(context, subject, requestsNeeded(requests));
  await measure(logins(context, emails, 'login', 'Log in'));

  const api = createApiClient(subject.url);
  const signIn = () => api.login(emails[0]!, context.password);
  await measure({
    id: 'refresh',
    label: 'Refresh',
    plan: async () => ({ kind: 'refresh', tokens: [(await signIn()).refreshToken] }),
  });
  await measure({
    id: 'me',
    label: 'GET /v1/me',
    plan: async () => ({ kind: 'me', tokens: [(await signIn()).accessToken] }),
  });
  await measureReset(context, subject, measure, emails);
}

/** A forgotten password: ask for the code, redeem it, set another. */
async function measureReset(
  context: BenchContext,
  { own }: OwnedSubject,
  measure: MeasureKind,
  emails: readonly string[],
): Promise<void> {
  const folder = await mkdtemp(join(dirname(own.throwaway.dataDir), 'answers-'));
  const common = { kept: 'flow_token', folder };
  const forgot = singleUse({
    ...common,
    id: 'forgot',
    label: 'Forgot password',
    path: '/v1/password/forgot',
    bodies: emails.map((email) => JSON.stringify({ email })),
  });
  await measure(forgot);

  const asked = await forgot.accepted();
  const codes = await mailedCodes(context, own, asked.length);
  const verify = singleUse({
    ...common,
    id: 'forgot.verify',
    label: 'Redeem the mailed code',
    path: '/v1/password/forgot/verify',
    bodies: asked.map(({ body, kept }) => {
      const { email } = JSON.parse(body) as { email: string };
      return JSON.stringify({ flow_token: kept, code: codes.get(email) });
    }),
  });
  await measure(verify);

  const password = `${context.password}!`;
  const redeemed = await verify.accepted();
  await measure(
    singleUse({
      ...common,
      kept: 'status',
      id: 'reset',
      label: 'Reset password',
      path: '/v1/password/reset',
      bodies: redeemed.map(({ kept }) => JSON.stringify({ flow_token: kept, password })),
    }),
  );
}

/** Lets a worker run for as long as it takes to mail what is queued. */
async function mailedCodes(
  { clock, progress, signal }: BenchContext,
  { throwaway }: OwnedSubject['own'],
  count: number,
): Promise<Map<string, string>> {
  progress.step(`mailing ${count} codes`);
  const folder = join(throwaway.dataDir, 'mail');
  const expected = (await listResetMails(folder)).length + count;
  const deadline = clock.monotonicMs() + MAILS_DEADLINE_MS;
  const worker = throwaway.startWorker(USUAL);
  while ((await listResetMails(folder)).length < expected && clock.monotonicMs() < deadline)
    await sleep(MAILS_POLL_MS, undefined, { signal });
  await worker.stop();
  return readMailedCodes(folder);
}

function registrations(
  context: BenchContext,
  { domain }: OwnedSubject,
  id: string,
  label: string,
): RequestKind {
  const { password } = context;
  const plan = () =>
    ({ kind: 'registration', domain, runId: context.runId('cost'), password }) as const;
  return { id, label, plan };
}

/** Each user signs in once. */
function logins(
  { password }: BenchContext,
  emails: readonly string[],
  id: string,
  label: string,
): RequestKind {
  let next = 0;
  return {
    id,
    label,
    plan(count) {
      const some = emails.slice(next, next + count);
      next += count;
      return { kind: 'login', emails: some, password };
    },
  };
}

function visits(context: BenchContext, { domain }: OwnedSubject) {
  const { password } = context;
  return { kind: 'flow', domain, runId: context.runId('warm'), password } as const;
}

async function makeOperator({ own }: OwnedSubject): Promise<string> {
  const made = await own.throwaway.run(
    'operators',
    'create',
    'bench',
    '--scope',
    'debug',
    '--json',
  );
  return (JSON.parse(made) as { token: string }).token;
}
