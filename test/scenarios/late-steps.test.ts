import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  authorizeReset,
  createAccount,
  createTwoFactorAccount,
  logIn,
  newAddress,
  OTHER_PASSWORD,
  PASSWORD,
} from '../support/accounts.ts';
import { type Answer, startAppliance, type TestAppliance } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import { dumpDatabase } from '../support/dump.ts';
import { eventually } from '../support/eventually.ts';
import { codeFor } from '../support/mailbox.ts';

/**
 * Steps that end after what they rely on has changed. A change ends the flows it can see; one that is
 * being written at that moment, by a sign-in that saw the account as it was, stays behind in the table.
 */
let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance();
});
afterAll(() => appliance.stop());

const post = (path: string, body: unknown, token?: string) =>
  appliance.call(path, token === undefined ? { body } : { body, token });

/** A flow with all that its next step takes. */
interface Begun {
  readonly email: string;
  finish(): Promise<Answer>;
}

const VERIFY = 'verification';
const FORGOT = 'a forgotten password';

const FLOWS: Record<string, () => Promise<Begun>> = {
  async [VERIFY]() {
    const email = newAddress();
    const { flow_token } = (await post('/v1/register', { email, password: PASSWORD })).body;
    const code = await codeFor(appliance, email, 'verify_email');
    return { email, finish: () => post('/v1/verify', { flow_token, code }) };
  },
  async [FORGOT]() {
    const { email } = await createAccount(appliance);
    const { flow_token } = (await post('/v1/password/forgot', { email })).body;
    const code = await codeFor(appliance, email, 'reset_password');
    return { email, finish: () => post('/v1/password/forgot/verify', { flow_token, code }) };
  },
  async 'an authorised reset'() {
    const { email } = await createAccount(appliance);
    const flow_token = await authorizeReset(appliance, email);
    const body = { flow_token, password: OTHER_PASSWORD };
    return { email, finish: () => post('/v1/password/reset', body) };
  },
  async 'a second factor'() {
    const { email, recoveryCodes } = await createTwoFactorAccount(appliance);
    const { flow_token } = (await logIn(appliance, { email })).body;
    const body = { flow_token, recovery_code: recoveryCodes[0] };
    return { email, finish: () => post('/v1/login/two-factor', body) };
  },
  async 'turning two-factor on'() {
    const { email, token } = await createAccount(appliance);
    const begun = await post('/v1/me/two-factor/totp', { password: PASSWORD }, token);
    const { flow_token, secret } = begun.body;
    const code = authenticatorCode(secret, appliance.clock.now());
    const path = '/v1/me/two-factor/totp/confirm';
    return { email, finish: () => post(path, { flow_token, code }, token) };
  },
  async 'a new e-mail address'() {
    const { email, token } = await createAccount(appliance);
    const new_email = newAddress();
    const { flow_token } = (await post('/v1/me/email', { new_email, password: PASSWORD }, token))
      .body;
    const code = await codeFor(appliance, new_email, 'change_email');
    return { email, finish: () => post('/v1/me/email/verify', { flow_token, code }, token) };
  },
};

/** Somebody's request is kept waiting by a lock of ours. */
function untilOneWaits(): Promise<void> {
  return eventually('a request waits', async () => {
    const waiting = await appliance.sql(
      `SELECT 1 FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return waiting.length > 0;
  });
}

/** Sends a request while a change of its user is being written, which it has to wait for. */
async function callDuring(
  change: string,
  email: string,
  call: () => Promise<Answer>,
): Promise<Answer> {
  const { answer } = await appliance.core.db.transaction(async (tx) => {
    await tx.execute({ name: '', text: `UPDATE users SET ${change} WHERE email = $1` }, [email]);
    const underWay = { answer: call() };
    await untilOneWaits();
    return underWay;
  });
  return answer;
}

const CHANGES: Record<string, string> = {
  'password or factors': 'security_version = security_version + 1',
  status: `status = 'locked'`,
  address: `email = 'moved-' || email`,
};
const OWN_MAILBOX = [VERIFY, FORGOT];
const stale = Object.keys(CHANGES).flatMap((change) =>
  Object.keys(FLOWS)
    .filter((flow) => change !== 'address' || OWN_MAILBOX.includes(flow))
    .map((flow) => [flow, change] as const),
);

test.each(stale)('%s does not outlive a change of %s', async (flow, change) => {
  const { email, finish } = await FLOWS[flow]!();
  const answer = await callDuring(CHANGES[change]!, email, finish);
  expect(answer).toMatchObject({ status: 410, body: { code: 'flow_expired' } });
});

test.each(['password or factors', 'status'])(
  'a sign-in whose password was right until a change of %s is refused',
  async (change) => {
    const { email } = await createAccount(appliance);
    const answer = await callDuring(CHANGES[change]!, email, () => logIn(appliance, { email }));
    expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } });
  },
);

test.each([
  ['DELETE', '/v1/me', 'status'],
  ['POST', '/v1/me/two-factor/totp', 'password or factors'],
])(
  'what a password has just allowed is void after a change: %s %s',
  async (method, path, change) => {
    const { email, token } = await createAccount(appliance);
    const body = { password: PASSWORD };
    const answer = await callDuring(CHANGES[change]!, email, () =>
      appliance.call(path, { method, token, body }),
    );
    expect(answer).toMatchObject({ status: 409, body: { code: 'conflict' } });
  },
);

test('signing out everywhere waits for a sign-in that is being written, and ends it, too', async () => {
  const { id, token } = await createAccount(appliance);
  const { answer } = await appliance.core.db.transaction(async (tx) => {
    const run = (text: string) => tx.execute({ name: '', text }, [id]);
    // As a sign-in does it: the user stays as they are meanwhile, and nobody sees the session yet.
    await run('SELECT 1 FROM users WHERE id = $1 FOR SHARE');
    await run(
      `INSERT INTO sessions (id, user_id, secret_digest, created_at, last_used_at, expires_at)
       SELECT gen_random_uuid(), user_id, secret_digest, created_at, last_used_at, expires_at
       FROM sessions WHERE user_id = $1`,
    );
    const call = appliance.call('/v1/logout/all', { method: 'POST', token });
    const underWay = { answer: call };
    await untilOneWaits();
    return underWay;
  });
  expect((await answer).status).toBe(204);
  const live = 'SELECT 1 FROM sessions WHERE user_id = $1 AND ended_at IS NULL';
  expect(await appliance.sql(live, [id])).toEqual([]);
});

/** All but what any request leaves behind: its try, and the record of what was refused. */
const readState = () => dumpDatabase(appliance, ['nodes', 'limit_counters', 'flows', 'audit']);

test.each(Object.keys(FLOWS))(
  '%s that fails at its end has used up nothing and changed nothing: it works afterwards',
  async (flow) => {
    const { email, finish } = await FLOWS[flow]!();
    const before = await readState();
    // The record is a part of the change.
    await appliance.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'refused by the test'; END $$`);
    await appliance.sql(`CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON audit
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`);
    const failed = await finish();
    await appliance.sql('DROP FUNCTION refuse CASCADE');
    expect(failed).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(await readState(), email).toEqual(before);
    expect((await finish()).status).toBe(200);
  },
);
