import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
import { codeFor } from '../support/mailbox.ts';
import { tally } from '../support/tally.ts';

/** Every secret that works once, presented by many callers at the same moment, on two nodes. */
let appliance: TestAppliance;
let nodes: readonly [TestAppliance, TestAppliance];

beforeAll(async () => {
  // All callers are to meet at the secret, not in front of the hashing pool.
  appliance = await startAppliance({ env: { AUTHCTL_HASH_QUEUE: '400' } });
  nodes = [
    appliance,
    await startAppliance({ beside: appliance, env: { AUTHCTL_HASH_QUEUE: '400' } }),
  ];
});
afterAll(async () => {
  await nodes[1].stop();
  await appliance.stop();
});

const totp = (secret: string) => authenticatorCode(secret, appliance.clock.now());

/** Calls from both nodes at once. */
function atOnce(count: number, call: (node: TestAppliance, index: number) => Promise<Answer>) {
  return Promise.all(Array.from({ length: count }, (_, index) => call(nodes[index % 2]!, index)));
}

/** One caller succeeded; the others met nothing but the named refusals. */
function expectOneWinner(answers: readonly Answer[], ...refusals: string[]): Answer {
  const { ok, ...others } = tally(answers);
  expect(ok).toBe(1);
  for (const code of Object.keys(others)) expect(refusals).toContain(code);
  return answers.find(({ status }) => status < 300)!;
}

async function countSessions(userId: string): Promise<number> {
  const rows = await appliance.sql('SELECT 1 FROM sessions WHERE user_id = $1', [userId]);
  return rows.length;
}

test('a mailed code, 50 callers: one is signed in', async () => {
  const email = newAddress();
  const registered = await appliance.call('/v1/register', { body: { email, password: PASSWORD } });
  const { flow_token } = registered.body;
  const code = await codeFor(appliance, email, 'verify_email');
  const answers = await atOnce(50, (node) =>
    node.call('/v1/verify', { body: { flow_token, code } }),
  );
  const { body } = expectOneWinner(answers, 'flow_expired');
  expect(await countSessions(body.user.id)).toBe(1);
});

test('a reset, 100 callers with 100 passwords: one succeeds, and exactly its password works', async () => {
  const { email } = await createAccount(appliance);
  const flow_token = await authorizeReset(appliance, email);
  const passwords = Array.from({ length: 100 }, (_, n) => `number ${n} of a hundred passwords`);
  const answers = await atOnce(100, (node, index) =>
    node.call('/v1/password/reset', { body: { flow_token, password: passwords[index] } }),
  );
  expectOneWinner(answers, 'flow_expired');
  const winner = answers.findIndex(({ status }) => status === 200);
  const tried = answers.flatMap(({ body }, index) => (body.code === 'unavailable' ? [] : [index]));
  expect(tried).toHaveLength(100);
  for (const index of [0, 1, 2, 50, 99, winner]) {
    const answer = await logIn(appliance, { email, password: passwords[index]! });
    expect(answer.status).toBe(index === winner ? 200 : 401);
  }
  const kept = await appliance.sql('SELECT 1 FROM password_history');
  expect(kept).toHaveLength(1);
});

test('a two-factor flow, 50 callers with one code: one is signed in', async () => {
  const account = await createTwoFactorAccount(appliance);
  appliance.clock.advance(30_000);
  const { flow_token } = (await logIn(appliance, account)).body;
  const code = totp(account.secret);
  const answers = await atOnce(50, (node) =>
    node.call('/v1/login/two-factor', { body: { flow_token, code } }),
  );
  expectOneWinner(answers, 'flow_expired', 'invalid_code');
  expect(await countSessions(account.id)).toBe(2);
});

test('one code of an authenticator on many flows and endpoints of two nodes: it is used once', async () => {
  const account = await createTwoFactorAccount(appliance);
  appliance.clock.advance(30_000);
  const flows = await atOnce(20, (node) => logIn(node, account));
  const code = totp(account.secret);
  const { token } = account;
  const reauthenticated = { password: PASSWORD, code };
  const answers = await Promise.all([
    ...flows.map(({ body: { flow_token } }, index) =>
      nodes[index % 2]!.call('/v1/login/two-factor', { body: { flow_token, code } }),
    ),
    ...nodes.flatMap((node) => [
      node.call('/v1/me/two-factor/totp/disable', { token, body: reauthenticated }),
      node.call('/v1/me/two-factor/recovery-codes', { token, body: reauthenticated }),
      node.call('/v1/me/email', {
        token,
        body: { new_email: newAddress(), ...reauthenticated },
      }),
      node.call('/v1/me/password', {
        token,
        body: { current_password: PASSWORD, new_password: OTHER_PASSWORD, code },
      }),
    ]),
  ]);
  // Where turning it off or the new password was faster, all that was proved before it is void.
  expectOneWinner(answers, 'invalid_code', 'flow_expired', 'conflict', 'invalid_token');
});

test('a recovery code, 50 callers on 50 flows: one is signed in, one code is gone', async () => {
  const account = await createTwoFactorAccount(appliance);
  const flows = await atOnce(50, (node) => logIn(node, account));
  const [recovery_code] = account.recoveryCodes;
  const answers = await Promise.all(
    flows.map(({ body: { flow_token } }, index) =>
      nodes[index % 2]!.call('/v1/login/two-factor', { body: { flow_token, recovery_code } }),
    ),
  );
  expectOneWinner(answers, 'invalid_code');
  expect(await countSessions(account.id)).toBe(2);
  const used = await appliance.sql(
    'SELECT 1 FROM recovery_codes WHERE user_id = $1 AND used_at IS NOT NULL',
    [account.id],
  );
  expect(used).toHaveLength(1);
});

test('turning two-factor on, 30 callers: one set of recovery codes, and those work', async () => {
  const account = await createAccount(appliance);
  const { token } = account;
  const begun = await appliance.call('/v1/me/two-factor/totp', {
    token,
    body: { password: PASSWORD },
  });
  const { flow_token, secret } = begun.body;
  const body = { flow_token, code: totp(secret) };
  const answers = await atOnce(30, (node) =>
    node.call('/v1/me/two-factor/totp/confirm', { token, body }),
  );
  const winner = expectOneWinner(answers, 'flow_expired', 'two_factor_already_enabled');
  const asked = await logIn(appliance, account);
  const factor = {
    flow_token: asked.body.flow_token,
    recovery_code: winner.body.recovery_codes[9],
  };
  expect((await appliance.call('/v1/login/two-factor', { body: factor })).status).toBe(200);
});

test('two setups begun at once: the second voids the first', async () => {
  const { token } = await createAccount(appliance);
  const setups = await atOnce(6, (node) =>
    node.call('/v1/me/two-factor/totp', { token, body: { password: PASSWORD } }),
  );
  const answers = [];
  for (const { body } of setups) {
    const confirmation = { flow_token: body.flow_token, code: totp(body.secret) };
    answers.push(
      await appliance.call('/v1/me/two-factor/totp/confirm', { token, body: confirmation }),
    );
  }
  expectOneWinner(answers, 'flow_expired');
});

test('an e-mail change, 30 callers: one changes the address', async () => {
  const account = await createAccount(appliance);
  const { token } = account;
  const new_email = newAddress();
  const asked = await appliance.call('/v1/me/email', {
    token,
    body: { new_email, password: PASSWORD },
  });
  const code = await codeFor(appliance, new_email, 'change_email');
  const body = { flow_token: asked.body.flow_token, code };
  const answers = await atOnce(30, (node) => node.call('/v1/me/email/verify', { token, body }));
  expectOneWinner(answers, 'flow_expired');
  expect((await logIn(appliance, { email: new_email })).status).toBe(200);
});

test('one address wanted by ten accounts that have all proved it: one gets it', async () => {
  const new_email = newAddress();
  const changes: { token: string; body: { flow_token: string; code: string } }[] = [];
  for (let n = 0; n < 10; n += 1) {
    const { token } = await createAccount(appliance);
    const body = { new_email, password: PASSWORD };
    const { flow_token } = (await appliance.call('/v1/me/email', { token, body })).body;
    const code = await codeFor(appliance, new_email, 'change_email');
    changes.push({ token, body: { flow_token, code } });
  }
  const answers = await atOnce(10, (node, index) =>
    node.call('/v1/me/email/verify', changes[index]),
  );
  expectOneWinner(answers, 'email_taken');
});

test('resend, 20 callers: one gets the new code', async () => {
  const { email } = await createAccount(appliance);
  const asked = await appliance.call('/v1/password/forgot', { body: { email } });
  const body = { flow_token: asked.body.flow_token };
  const answers = await atOnce(20, (node) => node.call('/v1/verify/resend', { body }));
  const winner = expectOneWinner(answers, 'flow_expired');
  const code = await codeFor(appliance, email, 'reset_password');
  const verified = { flow_token: winner.body.flow_token, code };
  expect((await appliance.call('/v1/password/forgot/verify', { body: verified })).status).toBe(200);
});

test('changing the password, 20 callers with 20 passwords: one succeeds, and its password works', async () => {
  const { email, token } = await createAccount(appliance);
  const passwords = Array.from({ length: 20 }, (_, n) => `number ${n} of twenty passwords`);
  const answers = await atOnce(20, (node, index) =>
    node.call('/v1/me/password', {
      token,
      body: { current_password: PASSWORD, new_password: passwords[index] },
    }),
  );
  expectOneWinner(answers, 'conflict', 'invalid_credentials', 'password_reused');
  const winner = answers.findIndex(({ status }) => status === 204);
  expect((await logIn(appliance, { email, password: passwords[winner]! })).status).toBe(200);
});

describe('a code’s tries', () => {
  const WRONG = 'AAAA-AAAA';

  test.each([
    ['a real flow', true],
    ['a decoy', false],
  ])('100 guesses at once: five are checked, of %s', async (_, isReal) => {
    const email = newAddress();
    if (isReal) await createAccount(appliance, { email });
    const { flow_token } = (await appliance.call('/v1/password/forgot', { body: { email } })).body;
    const answers = await atOnce(100, (node) =>
      node.call('/v1/password/forgot/verify', { body: { flow_token, code: WRONG } }),
    );
    expect(tally(answers)).toEqual({ invalid_code: 5, flow_expired: 95 });
    const code = isReal ? await codeFor(appliance, email, 'reset_password') : WRONG;
    const late = await appliance.call('/v1/password/forgot/verify', { body: { flow_token, code } });
    expect(late.body.code).toBe('flow_expired');
  });

  test('the fifth try may still be the right one', async () => {
    const email = newAddress();
    const registered = await appliance.call('/v1/register', {
      body: { email, password: PASSWORD },
    });
    const { flow_token } = registered.body;
    const verify = (code: string) => appliance.call('/v1/verify', { body: { flow_token, code } });
    for (let n = 0; n < 4; n += 1) expect((await verify(WRONG)).body.code).toBe('invalid_code');
    const code = await codeFor(appliance, email, 'verify_email');
    expect((await verify(code)).status).toBe(200);
  });
});
