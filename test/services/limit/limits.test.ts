import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../../config/index.ts';
import { randomBytes, uuidv7 } from '../../../src/crypto/random.ts';
import { type Db, openDatabase, statement } from '../../../src/db/database.ts';
import { AppError } from '../../../src/errors.ts';
import { parseIdentifier } from '../../../src/services/account/find.ts';
import type { ClientInfo } from '../../../src/services/client-info.ts';
import { ensureKeys, providedMasterKeys } from '../../../src/services/key/ensure-keys.ts';
import { createKeys, type Keys } from '../../../src/services/key/keyring.ts';
import { parseMasterKey } from '../../../src/services/key/master-key.ts';
import { type Attempt, createLimits, type Limits } from '../../../src/services/limit/limits.ts';
import { createMailBudget, type MailBudget } from '../../../src/services/limit/mail-budget.ts';
import { createNoLimits } from '../../../src/services/limit/no-limits.ts';
import { openCounterStore } from '../../../src/services/limit/open-counter-store.ts';
import { createRules } from '../../../src/services/limit/rules.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { log } from './stores.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const HOME = from('192.0.2.0/24');

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Db;
let keys: Keys;
let clock: ManualClock;
let limits: Limits;
let mailBudget: MailBudget;
let people = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  const { connectionString } = database;
  db = openDatabase({ connectionString, poolSize: 8, log, applicationName: 'test' });
  const master = parseMasterKey(randomBytes(32).toString('base64'));
  clock = createManualClock();
  await ensureKeys({ db, clock }, providedMasterKeys([master]));
  keys = createKeys({ db, clock, loadMasters: async () => [master] });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});
/** The limiter as an API process opens it: here, anew for each test on the same counters. */
beforeEach(async () => {
  ({ limits, mailBudget } = await startProcess());
});

async function startProcess() {
  const store = await openCounterStore({ db, clock, log, valkey: null });
  const rules = createRules(loadConfig({ env: {} }));
  const deps = { db, clock, keys, store, rules };
  return {
    limits: createLimits({ ...deps, knownForMs: 90 * 86_400_000, registrationsPerMinute: 3 }),
    mailBudget: createMailBudget(deps),
  };
}

function from(network: string): ClientInfo {
  return { ip: '192.0.2.7', network, userAgent: null, requestId: 'r' };
}

/** One of many client networks that the account never signed in from. */
function elsewhere(index: number): ClientInfo {
  return from(`10.${index >> 8}.${index & 255}.0/24`);
}

/** An address nobody has used in another test. */
function somebody(): string {
  people += 1;
  return `person${people}@example.com`;
}

async function createUser(email: string | null, usernameKey: string | null = null) {
  const id = uuidv7(clock.now().getTime());
  await db.execute(
    statement(
      'test.insert_user',
      `INSERT INTO users (id, email, username, username_key, status, created_at, updated_at)
       VALUES ($1, $2, $3, $3, 'active', $4, $4)`,
    ),
    [id, email, usernameKey, clock.now()],
  );
  return id;
}

async function signedInFrom(userId: string, { network }: ClientInfo): Promise<void> {
  await db.execute(
    statement(
      'test.insert_network',
      'INSERT INTO known_networks (user_id, network, last_login_at) VALUES ($1, $2, $3)',
    ),
    [userId, network, clock.now()],
  );
}

/** Makes wrong guesses one after another; returns how many were checked at all. */
async function guess(who: string, client: ClientInfo, times: number): Promise<number> {
  let checked = 0;
  for (let time = 0; time < times; time += 1) {
    const attempt = await attemptOrNull(limits.beginLogin(who, client));
    await attempt?.fail();
    checked += attempt ? 1 : 0;
  }
  return checked;
}

/** Uses up the wider budget of an identifier, from ten networks. */
async function guessFromEverywhere(who: string): Promise<void> {
  for (let network = 0; network < 10; network += 1)
    expect(await guess(who, elsewhere(network), 5)).toBe(5);
}

async function attemptOrNull<T>(begun: Promise<T>): Promise<T | null> {
  try {
    return await begun;
  } catch (error) {
    if (error instanceof AppError && error.code === 'rate_limited') return null;
    throw error;
  }
}

async function refusalOf(begun: Promise<unknown>) {
  const error = await begun.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw new Error('not refused', { cause: error });
  return { code: error.code, after: error.retryAfterSeconds, budget: error.budget };
}

describe('sign-in', () => {
  test('after five failures a pair of address and network is refused for 5, 10, then 15 minutes', async () => {
    const who = somebody();
    for (const minutes of [5, 10, 15, 15]) {
      expect(await guess(who, HOME, 10)).toBe(5);
      expect(await refusalOf(limits.beginLogin(who, HOME))).toEqual({
        code: 'rate_limited',
        after: minutes * 60,
        budget: { name: 'login', limit: 5, windowSeconds: 300 },
      });
      clock.advance(minutes * MINUTE_MS - 1);
      expect((await refusalOf(limits.beginLogin(who, HOME))).after).toBe(1);
      clock.advance(1);
    }
  });

  test('of 500 parallel guesses never more than five are checked, whatever they guess', async () => {
    const who = somebody();
    const begun = await Promise.all(
      Array.from({ length: 500 }, () => attemptOrNull(limits.beginLogin(who, HOME))),
    );
    const attempts = begun.filter((attempt) => attempt !== null);
    expect(attempts).toHaveLength(5);
    await Promise.all(attempts.map((attempt) => attempt.fail()));
    expect(await attemptOrNull(limits.beginLogin(who, HOME))).toBeNull();
  });

  test('a restart of the API forgets no failure', async () => {
    const who = somebody();
    expect(await guess(who, HOME, 3)).toBe(3);
    ({ limits } = await startProcess());
    expect(await guess(who, HOME, 101)).toBe(2);
  });

  test('success forgets the failures of that pair, and of no other', async () => {
    const who = somebody();
    const office = elsewhere(1);
    await guess(who, HOME, 4);
    await guess(who, office, 4);
    await (await limits.beginLogin(who, HOME)).succeed();
    expect(await guess(who, HOME, 10)).toBe(5);
    expect(await guess(who, office, 10)).toBe(1);
  });

  test('any number of successes in a row is never refused', async () => {
    const who = somebody();
    for (let time = 0; time < 60; time += 1) await (await limits.beginLogin(who, HOME)).succeed();
  });

  test('what was never checked does not count', async () => {
    const who = somebody();
    for (let time = 0; time < 60; time += 1) await (await limits.beginLogin(who, HOME)).release();
    expect(await guess(who, HOME, 10)).toBe(5);
  });

  test('every spelling of an address has the same budget', async () => {
    const who = somebody();
    const spellings = [who, who.toUpperCase(), ` ${who}`, who.replace('p', 'P')];
    const keysOf = spellings.map((email) => parseIdentifier({ email })!.value);
    let checked = 0;
    for (const key of keysOf) checked += await guess(key, HOME, 3);
    expect(checked).toBe(5);
  });

  test('distributed guessing stops at 50 an hour, whether the address has an account or not', async () => {
    const [known, unknown] = [somebody(), somebody()];
    await createUser(known);
    for (const who of [known, unknown]) {
      await guessFromEverywhere(who);
      expect(await refusalOf(limits.beginLogin(who, elsewhere(99)))).toEqual({
        code: 'rate_limited',
        after: 3_600,
        budget: { name: 'login-everywhere', limit: 50, windowSeconds: 3_600 },
      });
    }
    clock.advance(HOUR_MS);
    expect(await guess(known, elsewhere(99), 1)).toBe(1);
  });

  test('500 parallel guesses from 250 networks never get more than 50 checked', async () => {
    const who = somebody();
    const begun = await Promise.all(
      Array.from({ length: 500 }, (_, index) =>
        attemptOrNull(limits.beginLogin(who, elsewhere(index % 250))),
      ),
    );
    expect(begun.filter((attempt) => attempt !== null)).toHaveLength(50);
  });

  test('a flood from elsewhere never locks the owner out of networks they sign in from', async () => {
    const [email, username] = [somebody(), `user${people}`];
    const userId = await createUser(email, username);
    await signedInFrom(userId, HOME);
    for (const who of [email, username]) {
      await guessFromEverywhere(who);
      expect(await attemptOrNull(limits.beginLogin(who, elsewhere(99)))).toBeNull();
      await (await limits.beginLogin(who, HOME)).succeed();
      expect(await guess(who, HOME, 10)).toBe(5);
    }
  });

  test('a network counts as known for 90 days', async () => {
    const email = somebody();
    await signedInFrom(await createUser(email), HOME);
    clock.advance(90 * DAY_MS - 1);
    await guessFromEverywhere(email);
    await (await limits.beginLogin(email, HOME)).release();
    clock.advance(1);
    expect(await attemptOrNull(limits.beginLogin(email, HOME))).toBeNull();
  });

  test('one network alone never uses up the budget of all: what is refused there counts nowhere', async () => {
    const who = somebody();
    await guess(who, HOME, 200);
    for (let network = 0; network < 9; network += 1)
      expect(await guess(who, elsewhere(network), 5)).toBe(5);
    expect(await guess(who, elsewhere(99), 5)).toBe(0);
  });

  test('a reset opens sign-in again from the network it was made on', async () => {
    const who = somebody();
    await guess(who, HOME, 10);
    await limits.clearLogin(who, HOME);
    expect(await guess(who, HOME, 1)).toBe(1);
  });
});

describe('forgot-password and flows', () => {
  test('requests for one address from one network are five in 5 minutes, and others are not touched', async () => {
    const who = somebody();
    const calls = (client: ClientInfo, identifier = who) =>
      Promise.all(
        Array.from({ length: 100 }, async () =>
          attemptOrNull(limits.takeForgot(identifier, client).then(() => true)),
        ),
      ).then((results) => results.filter((result) => result !== null).length);
    expect(await calls(HOME)).toBe(5);
    expect(await calls(elsewhere(1))).toBe(5);
    expect(await calls(HOME, somebody())).toBe(5);
    expect(await guess(who, HOME, 10)).toBe(5);
  });

  test('one flow token is good for five calls in 5 minutes', async () => {
    const token = randomBytes(32);
    for (let call = 0; call < 5; call += 1) await limits.takeFlow(token);
    expect(await refusalOf(limits.takeFlow(token))).toMatchObject({
      after: 300,
      budget: { name: 'flow' },
    });
    await limits.takeFlow(randomBytes(32));
  });

  test('registrations from one network are counted where the operator wants it', async () => {
    for (let call = 0; call < 3; call += 1) await limits.takeRegistration(HOME);
    expect(await refusalOf(limits.takeRegistration(HOME))).toMatchObject({ after: 60 });
    await limits.takeRegistration(elsewhere(1));
  });
});

describe('second factors and re-authentication', () => {
  test('five failures in 30 minutes, in any session and flow, and success returns only its own', async () => {
    const userId = uuidv7(clock.now().getTime());
    for (let failure = 0; failure < 4; failure += 1) {
      await (await limits.beginFactor(userId)).fail();
      await (await limits.beginFactor(userId)).succeed();
    }
    await (await limits.beginFactor(userId)).release();
    await (await limits.beginFactor(userId)).fail();
    expect(await refusalOf(limits.beginFactor(userId))).toMatchObject({
      after: 1_800,
      budget: { name: 'factor' },
    });
    clock.advance(30 * MINUTE_MS);
    await (await limits.beginFactor(userId)).fail();
  });

  test('a right password never gives a guesser more tries at the factor', async () => {
    const who = somebody();
    const userId = await createUser(who);
    let checked = 0;
    for (let time = 0; time < 20; time += 1) {
      await (await limits.beginLogin(who, HOME)).succeed();
      const attempt = await attemptOrNull(limits.beginFactor(userId));
      await attempt?.fail();
      checked += attempt ? 1 : 0;
    }
    expect(checked).toBe(5);
  });

  test('of 300 parallel factors never more than five are checked', async () => {
    const userId = uuidv7(clock.now().getTime());
    const begun: (Attempt | null)[] = await Promise.all(
      Array.from({ length: 300 }, () => attemptOrNull(limits.beginFactor(userId))),
    );
    expect(begun.filter((attempt) => attempt !== null)).toHaveLength(5);
  });
});

describe('mail', () => {
  async function audited(userId: string | null) {
    return db.query(
      statement(
        'test.audit',
        `SELECT action, result, actor_kind, user_id, detail FROM audit
         WHERE user_id IS NOT DISTINCT FROM $1 AND action = 'mail.withheld'`,
      ),
      [userId],
    );
  }

  async function sent(type: string, mailbox: string, times = 100): Promise<number> {
    const results = await Promise.all(
      Array.from({ length: times }, (_, index) => mailBudget.take(type, mailbox, elsewhere(index))),
    );
    return results.filter((isSent) => isSent).length;
  }

  test('one mailbox gets never more than five mails of a type in an hour and 20 in a day, from anywhere', async () => {
    const mailbox = somebody();
    for (const expected of [5, 5, 5, 5, 0, 0]) {
      expect(await sent('forgot', mailbox)).toBe(expected);
      clock.advance(HOUR_MS);
    }
    expect(await sent('verify_email', mailbox)).toBe(5);
    expect(await sent('forgot', somebody())).toBe(5);
    clock.advance(18 * HOUR_MS);
    expect(await sent('forgot', mailbox)).toBe(5);
  });

  test('each mail that is not sent is audited, by its owner’s id and never by the address', async () => {
    const mailbox = somebody();
    const userId = await createUser(mailbox);
    await sent('forgot', mailbox, 8);
    expect(await audited(userId)).toEqual(
      Array(3).fill({
        action: 'mail.withheld',
        result: 'refused',
        actor_kind: 'anonymous',
        user_id: userId,
        detail: { type: 'forgot' },
      }),
    );
    const before = (await audited(null)).length;
    await sent('forgot', somebody(), 6);
    expect(await audited(null)).toHaveLength(before + 1);
  });
});

test('no counter’s key shows what it counts, and each begins with its rule', async () => {
  const who = 'hunter22-typed-as-a-name';
  await (await limits.beginLogin(who, HOME)).fail();
  await limits.takeForgot(who, HOME);
  await mailBudget.take('forgot', who, HOME);
  const rows = await db.query<{ key: string }>(
    statement('test.keys', 'SELECT key FROM limit_counters'),
  );
  for (const { key } of rows) expect(key).toMatch(/^[a-z-]+:[\w-]{22}$/);
  expect(new Set(rows.map(({ key }) => key.split(':')[0]))).toEqual(
    new Set([
      'login',
      'login-everywhere',
      'forgot',
      'factor',
      'registration',
      'flow',
      'mail-hour',
      'mail-day',
    ]),
  );
});

test('switched off, nothing is counted and every mail is sent', async () => {
  const off = createNoLimits();
  for (let time = 0; time < 200; time += 1) {
    await (await off.limits.beginLogin('a@example.com', HOME)).fail();
    await (await off.limits.beginFactor('user')).fail();
    await off.limits.takeForgot('a@example.com', HOME);
    await off.limits.takeFlow(Buffer.alloc(32));
    await off.limits.takeRegistration(HOME);
    expect(await off.mailBudget.take('forgot', 'a@example.com', HOME)).toBe(true);
  }
});
