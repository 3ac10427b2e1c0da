import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Actor } from '../../../src/services/audit/actor.ts';
import type { UserAdmin } from '../../../src/services/user/admin.ts';
import {
  authorizeReset,
  createAccount,
  createTwoFactorAccount,
  logIn,
  newAddress,
  OTHER_PASSWORD,
  PASSWORD,
  signIn,
} from '../../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { authenticatorCode } from '../../support/authenticator.ts';
import { eventually } from '../../support/eventually.ts';
import { mailKinds } from '../../support/mailbox.ts';
import { refresh, statusOfMe } from '../../support/sign-in.ts';

/** What the product promises, and what a busy machine may add to a poll of it. */
const BOUND_MS = 1_000 + 500;
const OPERATOR: Actor = { kind: 'operator', id: 'tester' };

let here: TestAppliance;
let there: TestAppliance;
let users: UserAdmin;

beforeAll(async () => {
  const env = { AUTHCTL_WEBHOOK_URL: 'http://127.0.0.1:9/', AUTHCTL_HASH_MODE: 'deferred' };
  here = await startAppliance({ env });
  there = await startAppliance({ env, beside: here });
  users = here.api.services.users;
});
afterAll(async () => {
  await there.stop();
  await here.stop();
});

/** A user whose session both nodes have just looked at, so that both have it cached. */
async function knownUser() {
  const account = await createAccount(here);
  expect(await statusOfMe(here, account.token)).toBe(200);
  expect(await statusOfMe(there, account.token)).toBe(200);
  return account;
}

async function expectEndedEverywhere(account: { token: string; refreshToken: string }) {
  expect(await statusOfMe(here, account.token)).toBe(401);
  const isRefused = async () => (await statusOfMe(there, account.token)) === 401;
  await eventually('the other node refuses', isRefused, BOUND_MS);
  expect((await refresh(there, account.refreshToken)).status).toBe(401);
  expect((await refresh(here, account.refreshToken)).status).toBe(401);
}

function auditOf(userId: string) {
  return here.sql<{ action: string; actor_kind: string; actor_id: string; detail: unknown }>(
    'SELECT action, actor_kind, actor_id, detail FROM audit WHERE user_id = $1 ORDER BY id',
    [userId],
  );
}

async function eventTypes(userId: string): Promise<string[]> {
  const rows = await here.sql<{ type: string }>(
    'SELECT type FROM events WHERE user_id = $1 ORDER BY sequence',
    [userId],
  );
  return rows.map(({ type }) => type);
}

describe('what an operator does to an account holds on every node within a second', () => {
  test('lock: sessions end, the right password says so, unlocking brings back none of them', async () => {
    const account = await knownUser();
    await users.change(OPERATOR, account.id, { status: 'locked' });
    await expectEndedEverywhere(account);
    expect((await logIn(there, account)).body.code).toBe('account_unavailable');
    const wrong = { email: account.email, password: OTHER_PASSWORD };
    expect((await logIn(there, wrong)).body.code).toBe('invalid_credentials');

    await users.change(OPERATOR, account.id, { status: 'active' });
    expect(await statusOfMe(there, account.token)).toBe(401);
    await signIn(there, account);
    const audit = await auditOf(account.id);
    expect(audit).toContainEqual({
      action: 'user.locked',
      actor_kind: 'operator',
      actor_id: 'tester',
      detail: { from: 'active', to: 'locked' },
    });
    expect(audit.map(({ action }) => action)).toContain('user.activated');
    const types = await eventTypes(account.id);
    expect(types).toEqual(expect.arrayContaining(['user.updated', 'session.revoked']));
  });

  test('what was under way for an account is over with its status, and with its role', async () => {
    for (const change of [{ status: 'locked' }, { role: 'admin' }] as const) {
      const account = await createAccount(here);
      await here.call('/v1/password/forgot', { body: { email: account.email } });
      const flows = () => here.sql('SELECT FROM flows WHERE user_id = $1', [account.id]);
      await eventually('a code is under way', async () => (await flows()).length === 1);
      await users.change(OPERATOR, account.id, change);
      expect(await flows()).toEqual([]);
    }
  });

  test('disable', async () => {
    const account = await knownUser();
    await users.change(OPERATOR, account.id, { status: 'disabled' });
    await expectEndedEverywhere(account);
    expect((await logIn(there, account)).body.code).toBe('account_unavailable');
  });

  test('role: old tokens are refused, new ones say the new role, and so do refreshed ones', async () => {
    const account = await knownUser();
    await users.change(OPERATOR, account.id, { role: 'admin' });
    await expectEndedEverywhere(account);
    const again = await signIn(there, account);
    const roleOf = async (token: string) =>
      (await there.api.services.authenticator.authenticate(token)).claims.role;
    expect(await roleOf(again.token)).toBe('admin');
    const { body } = await refresh(there, again.refreshToken);
    expect(await roleOf(body.tokens.access_token)).toBe('admin');
  });

  test('password: sessions end, the old one is wrong, the owner is told, history and policy hold', async () => {
    const account = await knownUser();
    const set = (password?: string) => users.setPassword(OPERATOR, account.id, password);
    await expect(set('password1')).rejects.toMatchObject({ code: 'password_too_weak' });
    await expect(set('short')).rejects.toMatchObject({ code: 'validation_failed' });
    await expect(set(PASSWORD)).rejects.toMatchObject({ code: 'password_reused' });
    expect(await statusOfMe(here, account.token)).toBe(200);

    expect(await set(OTHER_PASSWORD)).toEqual({ generatedPassword: null, sessionsEnded: 1 });
    await expectEndedEverywhere(account);
    expect((await logIn(there, account)).body.code).toBe('invalid_credentials');
    await signIn(there, { email: account.email, password: OTHER_PASSWORD });
    expect(await mailKinds(here, account.email)).toContain('password_changed');

    const { generatedPassword } = await set();
    await signIn(there, { email: account.email, password: generatedPassword! });
    expect(JSON.stringify(await auditOf(account.id))).not.toContain(generatedPassword);
  });

  test('password: who changed their address while it was hashed is told at the new one', async () => {
    const account = await knownUser();
    const email = newAddress();
    const set = await here.core.db.transaction(async (tx) => {
      const move = { name: '', text: 'UPDATE users SET email = $2 WHERE id = $1' };
      await tx.execute(move, [account.id, email]);
      const setting = users.setPassword(OPERATOR, account.id, undefined);
      const waiting = `SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      await eventually('it waits', async () => (await here.sql(waiting)).length === 1);
      return { setting };
    });
    await set.setting;
    expect(await mailKinds(here, email)).toEqual(['password_changed']);
    expect(await mailKinds(here, account.email)).not.toContain('password_changed');
  });

  test('one session, all of a user, and nobody else’s', async () => {
    const [account, other] = [await knownUser(), await knownUser()];
    const second = await signIn(here, account);
    const end = (userId: string, sessionId: string) =>
      users.sessions.end(OPERATOR, userId, sessionId);
    await expect(end(other.id, account.sessionId)).rejects.toMatchObject({ code: 'not_found' });
    await expect(end(account.id, 'nonsense')).rejects.toMatchObject({ code: 'not_found' });
    expect(await statusOfMe(here, account.token)).toBe(200);

    await end(account.id, account.sessionId);
    await expectEndedEverywhere(account);
    const { sessionId: expired } = await signIn(here, account);
    await here.sql(`UPDATE sessions SET expires_at = now() - interval '1 s' WHERE id = $1`, [
      expired,
    ]);
    const listed = await users.sessions.list(account.id);
    expect(listed.map(({ id }) => id)).toEqual([second.sessionId]);
    expect(await users.sessions.endAll(OPERATOR, account.id)).toBe(1);
    await expectEndedEverywhere(second);
    expect(await statusOfMe(there, other.token)).toBe(200);
  });

  test('all of a user’s sessions, and the sign-in that awaits a factor', async () => {
    const account = await createTwoFactorAccount(here);
    const { flow_token } = (await logIn(here, account)).body;
    expect(await users.sessions.endAll(OPERATOR, account.id)).toBe(1);
    here.clock.advance(30_000);
    const code = authenticatorCode(account.secret, here.clock.now());
    const answer = await here.call('/v1/login/two-factor', { body: { flow_token, code } });
    expect(answer).toMatchObject({ status: 410, body: { code: 'flow_expired' } });
  });

  test('deletion: nothing of the user is left but the audit, and the owner is told', async () => {
    const account = await knownUser();
    await users.remove(OPERATOR, account.id);
    await expectEndedEverywhere(account);
    expect((await logIn(there, account)).body.code).toBe('invalid_credentials');
    await expect(users.get(account.id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await mailKinds(here, account.email)).toEqual(['account_deleted']);
    expect((await auditOf(account.id)).map(({ action }) => action)).toContain('user.deleted');
    await createAccount(here, { email: account.email });
  });

  test('everyone’s sessions', async () => {
    const accounts = [await knownUser(), await knownUser(), await knownUser()];
    expect(await users.sessions.endEveryone(OPERATOR)).toBeGreaterThanOrEqual(3);
    for (const account of accounts) await expectEndedEverywhere(account);
    expect(await users.sessions.endEveryone(OPERATOR)).toBe(0);
    const records = await here.sql<{ actor_id: string }>(
      `SELECT actor_id FROM audit WHERE action = 'session.ended_everyone'`,
    );
    expect(records.map(({ actor_id }) => actor_id)).toEqual(['tester', 'tester']);
  });
});

describe('the second factor', () => {
  test('reset: it is gone with its recovery codes, sessions end, owner and audit are told', async () => {
    const account = await createTwoFactorAccount(here);
    expect(await statusOfMe(there, account.token)).toBe(200);
    const begun = await logIn(here, account);
    expect(begun.body.status).toBe('two_factor_required');

    expect(await users.resetTwoFactor(OPERATOR, account.id)).toBe(1);
    await expectEndedEverywhere(account);
    const body = {
      flow_token: begun.body.flow_token,
      recovery_code: account.recoveryCodes[0],
    };
    expect((await here.call('/v1/login/two-factor', { body })).body.code).toBe('flow_expired');
    await signIn(there, account);
    expect(await users.get(account.id)).toMatchObject({
      two_factor_enabled: false,
      recovery_codes_left: 0,
    });
    expect(await mailKinds(here, account.email)).toContain('two_factor_reset');
    expect(await auditOf(account.id)).toContainEqual({
      action: 'two_factor.reset',
      actor_kind: 'operator',
      actor_id: 'tester',
      detail: { sessions_ended: 1 },
    });
    const again = users.resetTwoFactor(OPERATOR, account.id);
    await expect(again).rejects.toMatchObject({ code: 'conflict' });
  });

  test.each(['locked', 'disabled'] as const)(
    'a step that was pending when the user was %s leads nowhere, then or after',
    async (status) => {
      const account = await createTwoFactorAccount(here);
      here.clock.advance(30_000);
      const begun = await logIn(here, account);
      await users.change(OPERATOR, account.id, { status });
      const code = authenticatorCode(account.secret, here.clock.now());
      const finish = () =>
        there.call('/v1/login/two-factor', {
          body: { flow_token: begun.body.flow_token, code },
        });
      expect((await finish()).body.code).toBe('flow_expired');
      await users.change(OPERATOR, account.id, { status: 'active' });
      expect((await finish()).body.code).toBe('flow_expired');
      const { body } = await logIn(here, account);
      const answer = await here.call('/v1/login/two-factor', {
        body: { flow_token: body.flow_token, code },
      });
      expect(answer.status).toBe(200);
    },
  );
});

test('a reset that was authorised before the lock sets no password', async () => {
  const account = await createAccount(here);
  const flow_token = await authorizeReset(here, account.email);
  await users.change(OPERATOR, account.id, { status: 'locked' });
  const body = { flow_token, password: OTHER_PASSWORD };
  expect((await there.call('/v1/password/reset', { body })).body.code).toBe('flow_expired');
});

test('of eight who set a password at once, one does; no password is lost from the history', async () => {
  const account = await createAccount(here);
  const { email } = account;
  const passwords = Array.from({ length: 8 }, (_, n) => `number ${n} of eight passwords`);
  const setting = passwords.map((password) => users.setPassword(OPERATOR, account.id, password));
  const outcomes = await Promise.allSettled(setting);
  const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
  expect(refused).toEqual(Array(7).fill('conflict'));
  for (const [index, { status }] of outcomes.entries()) {
    const answer = await logIn(here, { email, password: passwords[index]! });
    expect(answer.status).toBe(status === 'fulfilled' ? 200 : 401);
  }
  // The one before is remembered: it may not come back.
  const again = users.setPassword(OPERATOR, account.id, PASSWORD);
  await expect(again).rejects.toMatchObject({ code: 'password_reused' });
});

test('of sign-ins and locks that race, no session outlives the lock', async () => {
  const account = await createAccount(here);
  for (let round = 0; round < 5; round += 1) {
    const [first] = await Promise.all([
      logIn(here, account),
      logIn(there, account),
      users.change(OPERATOR, account.id, { status: 'locked' }),
      logIn(here, account),
    ]);
    expect([200, 401, 403]).toContain(first.status);
    expect(await users.sessions.list(account.id)).toEqual([]);
    await users.change(OPERATOR, account.id, { status: 'active' });
    expect(await users.sessions.list(account.id)).toEqual([]);
  }
});

test('everyone’s sessions are ended in batches, each told to subscribers', async () => {
  const { id } = await createAccount(here);
  await here.sql(
    `INSERT INTO sessions (id, user_id, secret_digest, created_at, last_used_at, expires_at)
     SELECT gen_random_uuid(), $1, decode(repeat('00', 32), 'hex'), now(), now(),
            now() + interval '1 day'
     FROM generate_series(1, 2500)`,
    [id],
  );
  expect(await users.sessions.endEveryone(OPERATOR)).toBeGreaterThanOrEqual(2_501);
  expect(await users.sessions.list(id)).toEqual([]);
  const types = await eventTypes(id);
  expect(types.filter((type) => type === 'session.revoked')).toHaveLength(2_501);
});
