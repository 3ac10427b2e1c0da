import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createAccount,
  createTwoFactorAccount,
  isSignedIn,
  logIn,
  PASSWORD,
} from '../support/accounts.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import { dumpDatabase } from '../support/dump.ts';
import { eventually } from '../support/eventually.ts';
import { lockTableWhole } from '../support/lock.ts';
import { type MailedAppliance, startMailedAppliance } from '../support/mailbox.ts';

let appliance: MailedAppliance;

beforeAll(async () => {
  appliance = await startMailedAppliance();
});
afterAll(() => appliance.stop());

const totp = (secret: string) => authenticatorCode(secret, appliance.clock.now());

test('deleting the account needs the password and a factor, and leaves nothing behind', async () => {
  const account = await createTwoFactorAccount(appliance);
  await appliance.call('/v1/password/forgot', { body: { email: account.email } });
  appliance.clock.advance(30_000);
  const remove = (body: object) =>
    appliance.call('/v1/me', { method: 'DELETE', token: account.token, body });
  expect((await remove({})).status).toBe(422);
  expect((await remove({ password: 'not my password at all' })).body.code).toBe(
    'invalid_credentials',
  );
  expect((await remove({ password: PASSWORD })).body.code).toBe('two_factor_required');
  expect((await remove({ password: PASSWORD, code: totp(account.secret) })).status).toBe(204);

  expect(await isSignedIn(appliance, account.token)).toBe(false);
  expect((await logIn(appliance, account)).body.code).toBe('invalid_credentials');
  const goodbye = (await appliance.mailsTo(account.email)).at(-1)?.mail;
  expect(goodbye?.subject).toMatch(/deleted/i);

  const dump = await dumpDatabase(appliance);
  const holding = (text: string) =>
    Object.keys(dump).filter((table) => dump[table]!.some((row) => row.includes(text)));
  // Who did what stays on record by id; the goodbye mail is kept as long as any mail.
  expect(holding(account.id)).toEqual(['audit']);
  expect(holding(account.email)).toEqual(['mails']);
  expect(dump['mails']!.filter((row) => row.includes(account.email))).toHaveLength(1);
  const again = await createAccount(appliance, { email: account.email });
  expect(again.id).not.toBe(account.id);
});

test('the export holds everything about the user and nothing that opens the account', async () => {
  const account = await createTwoFactorAccount(appliance);
  const stranger = await createAccount(appliance);
  const { status, body } = await appliance.call('/v1/me/export', { token: account.token });
  expect(status).toBe(200);
  expect(body.user).toMatchObject({ id: account.id, email: account.email });
  expect(body.registration.ip).toBe('127.0.0.1');
  expect(body.sessions.map(({ id }: { id: string }) => id)).toEqual([account.sessionId]);
  expect(body.known_networks).toMatchObject([{ network: '127.0.0.0/24' }]);
  expect(body.mails.length).toBeGreaterThan(1);
  expect(body.audit.map(({ action }: { action: string }) => action)).toContain('user.verified');
  const text = JSON.stringify(body);
  for (const secret of [
    stranger.id,
    stranger.email,
    account.secret,
    '$argon2',
    account.recoveryCodes[0]!,
  ])
    expect(text).not.toContain(secret);
  expect((await appliance.call('/v1/me/export')).status).toBe(401);
});

test('one export is made at a time: another does not even begin', async () => {
  const people = [await createAccount(appliance), await createAccount(appliance)];
  const begun = () =>
    appliance.sql(`SELECT FROM audit WHERE action = 'user.exported' AND user_id = ANY($1)`, [
      people.map(({ id }) => id),
    ]);
  const held = await lockTableWhole(appliance.core.store.connectionString, 'known_networks');
  const exports = people.map(({ token }) => appliance.call('/v1/me/export', { token }));
  const isWaiting = async () => {
    const waiting = await appliance.sql(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
       AND query LIKE '%known_networks%'`,
    );
    return waiting.length > 0;
  };
  await eventually('one waits for its data', isWaiting);
  expect(await begun()).toHaveLength(1);
  await held.release();
  for (const { status } of await Promise.all(exports)) expect(status).toBe(200);
  expect(await begun()).toHaveLength(2);
});

test('an export stays small, however much happened to the account', async () => {
  const { id, token } = await createAccount(appliance);
  await appliance.sql(
    `INSERT INTO audit (id, at, action, actor_kind, user_id)
     SELECT gen_random_uuid(), now() - i * interval '1 second', 'noise.' || i, 'anonymous', $1
     FROM generate_series(1, 6000) AS i`,
    [id],
  );
  const exports = await Promise.all(
    Array.from({ length: 10 }, () => appliance.call('/v1/me/export', { token })),
  );
  for (const { status, body } of exports) {
    expect(status).toBe(200);
    const actions = body.audit.map(({ action }: { action: string }) => action);
    expect(actions).toHaveLength(5_000);
    expect(actions).toContain('user.verified');
    expect(actions).toContain('noise.1');
    expect(actions).not.toContain('noise.6000');
  }
});
