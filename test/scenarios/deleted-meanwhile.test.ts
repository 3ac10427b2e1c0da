import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createAccount,
  createTwoFactorAccount,
  isSignedIn,
  logIn,
  newAddress,
  OTHER_PASSWORD,
  PASSWORD,
} from '../support/accounts.ts';
import { type Answer, startAppliance, type TestAppliance } from '../support/appliance.ts';
import { dumpDatabase } from '../support/dump.ts';
import { eventually } from '../support/eventually.ts';
import { codeFor } from '../support/mailbox.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({ env: { AUTHCTL_HASH_QUEUE: '400' } });
});
afterAll(() => appliance.stop());

/** Every request that would still write something of a user, sent while the account goes away. */
async function race(): Promise<{ id: string; statuses: number[] }> {
  const account = await createTwoFactorAccount(appliance);
  const { id, email, token, recoveryCodes } = account;
  const flows = await Promise.all([logIn(appliance, account), logIn(appliance, account)]);
  const [first, second] = flows.map(({ body }) => body.flow_token);
  const post = (path: string, body: unknown) => appliance.call(path, { token, body });
  const asked = await post('/v1/password/forgot', { email });
  const code = await codeFor(appliance, email, 'reset_password');
  const forgotten = { flow_token: asked.body.flow_token, code };
  const factors = { password: PASSWORD };
  const change = { current_password: PASSWORD, new_password: OTHER_PASSWORD };
  const answers = await Promise.all([
    appliance.call('/v1/me', {
      method: 'DELETE',
      token,
      body: { ...factors, recovery_code: recoveryCodes[0] },
    }),
    logIn(appliance, account),
    logIn(appliance, account),
    post('/v1/password/forgot/verify', forgotten),
    post('/v1/login/two-factor', { flow_token: first, recovery_code: recoveryCodes[1] }),
    post('/v1/login/two-factor', { flow_token: second, recovery_code: recoveryCodes[2] }),
    post('/v1/me/password', { ...change, recovery_code: recoveryCodes[3] }),
    post('/v1/me/email', {
      ...factors,
      new_email: newAddress(),
      recovery_code: recoveryCodes[4],
    }),
    post('/v1/me/two-factor/totp/disable', { ...factors, recovery_code: recoveryCodes[5] }),
    post('/v1/token/refresh', { refresh_token: account.refreshToken }),
    appliance.call('/v1/me', { method: 'PATCH', token, body: { username: 'anybody' } }),
    ...Array.from({ length: 6 }, () => post('/v1/password/forgot', { email })),
  ]);
  if (answers[0]!.status === 204) expect(await isSignedIn(appliance, token)).toBe(false);
  return { id, statuses: answers.map(({ status }) => status) };
}

/** Sends a request whose last write has to wait for a deletion that it could not see before. */
async function callDuringDeletion(userId: string, call: () => Promise<Answer>): Promise<Answer> {
  const { db } = appliance.core;
  const { answer } = await db.transaction(async (tx) => {
    await tx.execute({ name: '', text: 'DELETE FROM users WHERE id = $1' }, [userId]);
    const underWay = { answer: call() };
    await eventually('it waits for the deletion', async () => {
      const waiting = await appliance.sql(
        `SELECT 1 FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return waiting.length > 0;
    });
    return underWay;
  });
  return answer;
}

test('signing in while the user goes away: nobody is there', async () => {
  const { id, email } = await createAccount(appliance);
  const answer = await callDuringDeletion(id, () => logIn(appliance, { email }));
  expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } });
});

test('a code asked for while the user goes away is answered as ever, and is good for nothing', async () => {
  const { id, email } = await createAccount(appliance);
  const { db } = appliance.core;
  const { body } = await db.transaction(async (tx) => {
    await tx.execute({ name: '', text: 'DELETE FROM users WHERE id = $1' }, [id]);
    return appliance.call('/v1/password/forgot', { body: { email } });
  });
  expect(body.status).toBe('code_sent');
  const code = await codeFor(appliance, email, 'reset_password');
  const { flow_token } = body;
  const verified = await appliance.call('/v1/password/forgot/verify', {
    body: { flow_token, code },
  });
  expect(verified.body.code).toBe('flow_expired');
});

test('an account deleted while everything else is under way: no fault, and nothing is left of it', async () => {
  let deletions = 0;
  for (let round = 0; round < 4; round += 1) {
    const { id, statuses } = await race();
    // 503 asks for another try, which then finds nobody.
    expect(statuses.filter((status) => status >= 500 && status !== 503)).toEqual([]);
    if (statuses[0] !== 204) continue;
    deletions += 1;
    const dump = await dumpDatabase(appliance, ['audit', 'mails']);
    const holding = Object.keys(dump).filter((table) =>
      dump[table]!.some((row) => row.includes(id)),
    );
    // A flow that was begun meanwhile opens nothing, and goes when it expires.
    expect(holding.filter((table) => table !== 'flows')).toEqual([]);
  }
  expect(deletions).toBeGreaterThan(0);
});
