import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRenderer, openTransport } from '../../src/app/open-mail.ts';
import { createScope } from '../../src/lib/lifecycle.ts';
import { createDelivery, type Delivery } from '../../src/services/mail/deliver.ts';
import { createMailOutlet } from '../../src/services/mail/transport/mail-outlet.ts';
import {
  createAccount,
  createTwoFactorAccount,
  newAddress,
  PASSWORD,
} from '../support/accounts.ts';
import { type Answer, startAppliance, type TestAppliance } from '../support/appliance.ts';
import { seed } from '../support/seed.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp.ts';

const TRY_FOR_MS = 30_000;
const OWNERS = ['active', 'pending', 'locked', 'disabled', 'two-factor'] as const;
type Owner = (typeof OWNERS)[number];

let appliance: TestAppliance;
let delivery: Delivery;
let sink: SmtpSink;
let networks = 0;
const scope = createScope();

beforeAll(async () => {
  sink = await startSmtpSink({ options: { disabledCommands: ['STARTTLS'] } });
  appliance = await startAppliance({
    env: {
      AUTHCTL_SMTP_URL: `smtp://127.0.0.1:${sink.port}`,
      AUTHCTL_ACCESS_TTL: '24h',
      AUTHCTL_LIMITS: 'on',
      AUTHCTL_IP_RATE: '100000',
      AUTHCTL_IP_BURST: '100000',
      AUTHCTL_IP_HASH_RATE: '100000',
      AUTHCTL_IP_HASH_BURST: '100000',
      AUTHCTL_HASH_MODE: 'deferred',
      AUTHCTL_TRUSTED_PROXIES: '127.0.0.1/32',
      // So few that a short series of requests gets beyond them.
      AUTHCTL_MAIL_HOURLY: '2',
      AUTHCTL_LOGIN_TRIES: '3',
      AUTHCTL_LOGIN_EMAIL_BUDGET: '6',
    },
  });
  const { config, db, clock, log, keys } = appliance.core;
  const outlet = createMailOutlet(openRenderer(config), openTransport(config, scope));
  delivery = createDelivery({ db, clock, log, keys, outlet, maxTries: 8 });
});
afterAll(async () => {
  await scope.release();
  await appliance.stop();
  await sink.close();
});

/** What a worker would do by itself, at a time that the test chooses. */
async function sendMails(): Promise<void> {
  const { signal } = new AbortController();
  for (;;) {
    const claimed = await delivery.claim(50);
    if (claimed.length === 0) return;
    await Promise.all(claimed.map((mail) => delivery.deliver(mail, signal)));
  }
}

/** Makes an address that is somebody's. */
async function createOwned(owner: Owner): Promise<string> {
  const email = newAddress();
  if (owner === 'pending')
    await appliance.call('/v1/register', { body: { email, password: PASSWORD } });
  else if (owner === 'two-factor') await createTwoFactorAccount(appliance, { email });
  else await createAccount(appliance, { email });
  if (owner === 'locked' || owner === 'disabled')
    await appliance.sql('UPDATE users SET status = $2 WHERE email = $1', [email, owner]);
  return email;
}

/** Somebody who tries to find out whether an address is anybody's, from networks of their own. */
interface Stranger {
  readonly email: string;
  readonly network: number;
  /** Of an account of their own, at another address. */
  readonly token: string;
  /** The flow tokens they were given, newest first. */
  readonly flows: string[];
}

async function strangerTo(email: string): Promise<Stranger> {
  networks += 1;
  const network = networks;
  const { token } = await createAccount(appliance);
  return { email, network, token, flows: [] };
}

type Step = (stranger: Stranger, choice: number) => Promise<Answer>;

function call(
  { network, flows }: Stranger,
  path: string,
  choice: number,
  body: object,
  { key, token }: { key?: string; token?: string } = {},
) {
  const from = `10.${network >> 8}.${network & 255}.7`;
  const headers = {
    // Each stranger has two networks.
    'X-Forwarded-For': choice % 2 === 0 ? from : from.replace('10.', '11.'),
    ...(key === undefined ? {} : { 'Idempotency-Key': key }),
  };
  const options = { body, headers, ...(token === undefined ? {} : { token }) };
  return appliance.call(path, options).then((answer) => {
    if (answer.body?.flow_token) flows.unshift(answer.body.flow_token);
    return answer;
  });
}

const flowOf = ({ flows }: Stranger, choice: number) => flows[choice % flows.length] ?? 'ft_none';
const WRONG_CODE = 'AAAA-AAAA';

const STEPS: Readonly<Record<string, Step>> = {
  register: (one, choice) =>
    call(one, '/v1/register', choice, { email: one.email, password: 'seven green parrots' }),
  registerWithKey: (one, choice) =>
    call(
      one,
      '/v1/register',
      choice,
      { email: one.email, password: 'seven green parrots' },
      { key: `${one.network}-${choice % 3}` },
    ),
  login: (one, choice) =>
    call(one, '/v1/login', choice, { email: one.email, password: 'not the password' }),
  forgot: (one, choice) => call(one, '/v1/password/forgot', choice, { email: one.email }),
  resend: (one, choice) =>
    call(one, '/v1/verify/resend', choice, { flow_token: flowOf(one, choice) }),
  verify: (one, choice) =>
    call(one, '/v1/verify', choice, { flow_token: flowOf(one, choice), code: WRONG_CODE }),
  verifyForgot: (one, choice) =>
    call(one, '/v1/password/forgot/verify', choice, {
      flow_token: flowOf(one, choice),
      code: WRONG_CODE,
    }),
  changeEmail: (one, choice) =>
    call(one, '/v1/me/email', choice, { new_email: one.email, password: PASSWORD }, one),
  verifyChange: (one, choice) =>
    call(
      one,
      '/v1/me/email/verify',
      choice,
      { flow_token: flowOf(one, choice), code: WRONG_CODE },
      one,
    ),
};

/** What a stranger can compare: all but what is drawn anew, and the seconds that pass meanwhile. */
function shapeOf({ status, headers, body }: Answer) {
  const { flow_token, expires_at, instance, delivery, ...rest } = body;
  return {
    status,
    // Whether a connection is kept is about those before.
    headers: [...headers.keys()].filter((name) => !['connection', 'keep-alive'].includes(name)),
    rateLimit: headers.get('ratelimit')?.replace(/;t=\d+/g, ''),
    policy: headers.get('ratelimit-policy'),
    hasToken: flow_token !== undefined,
    hasEnd: expires_at !== undefined,
    hasDelivery: delivery !== undefined,
    rest,
  };
}

const MINUTE_MS = 60_000;
const TIMES = [1_000, 61_000, 6 * MINUTE_MS, 11 * MINUTE_MS, 61 * MINUTE_MS];

/** Steps of a few kinds at a time lead further than any of all. */
const series = fc
  .subarray(Object.keys(STEPS), { minLength: 1, maxLength: 3 })
  .chain((names) => fc.array(stepOf(names), { minLength: 4, maxLength: 14 }));

const stepOf = (names: readonly string[]) =>
  fc.record({
    name: fc.constantFrom(...names),
    choice: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(8) }),
    times: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.nat(4) }),
    // What becomes of their mails must not show either.
    sends: fc.boolean(),
    laterMs: fc.oneof(
      { weight: 5, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.constantFrom(...TIMES) },
    ),
  });

/**
 * Whatever somebody without the password and the mailbox asks for, in any order and however often,
 * they get the same answers for an address that is somebody's and for one that is nobody's.
 */
test(`any order of requests tells no address from another (TEST_SEED=${seed})`, {
  timeout: 90_000,
}, async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...OWNERS), series, async (owner, steps) => {
      const known = await strangerTo(await createOwned(owner));
      const unknown = await strangerTo(newAddress());
      await sendMails();
      // Of the addresses themselves, and of whoever asks for them.
      await appliance.sql('DELETE FROM limit_counters');
      async function compare(name: string, choice: number) {
        const ofKnown = shapeOf(await STEPS[name]!(known, choice));
        const ofUnknown = shapeOf(await STEPS[name]!(unknown, choice));
        expect(ofKnown, `${name} for ${owner}`).toEqual(ofUnknown);
        seen.add(`${name} ${ofKnown.status}`);
      }
      for (const { name, choice, times, sends, laterMs } of steps) {
        appliance.clock.advance(laterMs);
        for (let time = 0; time < times; time += 1) await compare(name, choice);
        if (sends) await sendMails();
      }
      // What has come of all that shows in the flows.
      for (const index of known.flows.keys())
        for (const name of ['verifyForgot', 'verify', 'verifyChange']) await compare(name, index);
    }),
    { seed, numRuns: 10_000, interruptAfterTimeLimit: TRY_FOR_MS, endOnFailure: true },
  );
  // It got somewhere: what is refused at once tells nothing.
  expect([...seen]).toEqual(
    expect.arrayContaining(['login 401', 'forgot 202', 'verifyForgot 401', 'verifyForgot 410']),
  );
});
