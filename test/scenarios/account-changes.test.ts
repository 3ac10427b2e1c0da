import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SYSTEM_ACTOR } from '../../src/services/audit/actor.ts';
import {
  type Account,
  authorizeReset,
  createAccount,
  createTwoFactorAccount,
  isSignedIn,
  logIn,
  newAddress,
  OTHER_PASSWORD,
  PASSWORD,
  signIn,
} from '../support/accounts.ts';
import { startAppliance } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import {
  codeFor,
  type MailedAppliance,
  mailKinds,
  startMailedAppliance,
} from '../support/mailbox.ts';

let appliance: MailedAppliance;

beforeAll(async () => {
  appliance = await startMailedAppliance();
});
afterAll(() => appliance.stop());

const post = (path: string, token: string, body: unknown) => appliance.call(path, { token, body });
async function securityVersionOf({ id }: Account): Promise<number> {
  const [user] = await appliance.sql<{ security_version: number }>(
    'SELECT security_version FROM users WHERE id = $1',
    [id],
  );
  return user!.security_version;
}

const totp = (secret: string) => authenticatorCode(secret, appliance.clock.now());
const subjectsTo = async (email: string) =>
  (await appliance.mailsTo(email)).map(({ mail }) => mail.subject ?? '');

describe('changing the password', () => {
  const change = (token: string, body: object) => post('/v1/me/password', token, body);

  test('this session stays, the others end, older codes and flows are dead, the owner is told', async () => {
    const account = await createAccount(appliance);
    const other = await signIn(appliance, account);
    const reset = await authorizeReset(appliance, account.email);
    const asked = await appliance.call('/v1/password/forgot', { body: { email: account.email } });
    const code = await codeFor(appliance, account.email, 'reset_password');

    const changed = await change(account.token, {
      current_password: PASSWORD,
      new_password: OTHER_PASSWORD,
    });
    expect(changed.status).toBe(204);
    expect(await isSignedIn(appliance, account.token)).toBe(true);
    expect(await isSignedIn(appliance, other.token)).toBe(false);
    const refresh = (refresh_token: string) =>
      appliance.call('/v1/token/refresh', { body: { refresh_token } });
    expect((await refresh(other.refreshToken)).status).toBe(401);
    expect((await refresh(account.refreshToken)).status).toBe(200);

    const late = { flow_token: reset, password: 'nine yellow tulips for lunch' };
    expect((await appliance.call('/v1/password/reset', { body: late })).body.code).toBe(
      'flow_expired',
    );
    const mailed = { flow_token: asked.body.flow_token, code };
    expect((await appliance.call('/v1/password/forgot/verify', { body: mailed })).body.code).toBe(
      'flow_expired',
    );
    expect((await logIn(appliance, account)).body.code).toBe('invalid_credentials');
    const { email } = account;
    expect((await logIn(appliance, { email, password: OTHER_PASSWORD })).status).toBe(200);
    expect((await subjectsTo(email)).at(-1)).toMatch(/password.*changed/i);
  });

  test('needs a session and the current password; the new one passes policy and history', async () => {
    const { token, email } = await createAccount(appliance);
    const next = { current_password: PASSWORD, new_password: OTHER_PASSWORD };
    expect((await appliance.call('/v1/me/password', { body: next })).body.code).toBe(
      'invalid_token',
    );
    const wrong = { ...next, current_password: 'not my password at all' };
    expect((await change(token, { ...wrong, new_password: 'x' })).body.code).toBe(
      'invalid_credentials',
    );
    const weak = await change(token, { ...next, new_password: 'password1' });
    expect(weak.body).toMatchObject({
      code: 'password_too_weak',
      errors: [{ pointer: '/new_password' }],
    });
    const personal = await change(token, { ...next, new_password: `${email.split('@')[0]}-kite` });
    expect(personal.body.errors).toMatchObject([{ pointer: '/new_password', code: 'personal' }]);
    const same = await change(token, { ...next, new_password: PASSWORD });
    expect(same.body.code).toBe('password_reused');
  });

  test('with two-factor on it needs a factor, which a refusal does not use up', async () => {
    const { token, secret } = await createTwoFactorAccount(appliance);
    appliance.clock.advance(30_000);
    const next = { current_password: PASSWORD, new_password: OTHER_PASSWORD };
    expect((await change(token, next)).body.code).toBe('two_factor_required');
    const code = totp(secret);
    expect((await change(token, { ...next, new_password: 'short', code })).body.code).toBe(
      'validation_failed',
    );
    expect((await change(token, { ...next, code })).status).toBe(204);
    const again = { current_password: OTHER_PASSWORD, new_password: PASSWORD, code };
    expect((await change(token, again)).body.code).toBe('invalid_code');
  });
});

describe('changing the e-mail address', () => {
  const ask = (account: Account, new_email: string, more: object = {}) =>
    post('/v1/me/email', account.token, { new_email, password: account.password, ...more });
  const verify = (token: string, flow_token: string, code: string) =>
    post('/v1/me/email/verify', token, { flow_token, code });

  test('sign-in stays on the old address until the new mailbox has proved its code', async () => {
    const account = await createAccount(appliance);
    const other = await signIn(appliance, account);
    const next = newAddress();
    expect((await ask(account, next, { password: 'not my password at all' })).body.code).toBe(
      'invalid_credentials',
    );
    const asked = await ask(account, next.toUpperCase());
    expect(asked).toMatchObject({ status: 202, body: { status: 'code_sent' } });
    expect((await appliance.call('/v1/me', { token: account.token })).body.email).toBe(
      account.email,
    );
    expect((await logIn(appliance, account)).status).toBe(200);
    expect((await logIn(appliance, { email: next })).status).toBe(401);
    const code = await codeFor(appliance, next, 'change_email');
    expect((await verify(other.token, asked.body.flow_token, 'AAAA-AAAA')).body.code).toBe(
      'invalid_code',
    );

    const before = await securityVersionOf(account);
    const changed = await verify(account.token, asked.body.flow_token, code);
    expect(changed).toMatchObject({ status: 200, body: { email: next, email_verified: true } });
    // What a sign-in under way has read of the account is no longer so.
    expect(await securityVersionOf(account)).toBeGreaterThan(before);
    expect(await isSignedIn(appliance, account.token)).toBe(true);
    expect(await isSignedIn(appliance, other.token)).toBe(false);
    expect((await logIn(appliance, account)).status).toBe(401);
    expect((await logIn(appliance, { email: next })).status).toBe(200);
    const told = (await appliance.mailsTo(account.email)).at(-1)?.mail;
    expect(told?.subject).toMatch(/e-mail/i);
    expect(told?.text).not.toContain(next);
    // The new mailbox gets the same, and must not read that it is the one that signs in no more.
    const welcomed = (await appliance.mailsTo(next)).at(-1)?.mail;
    expect(welcomed?.subject).toBe(told?.subject);
    expect(welcomed?.text).not.toContain('This address');
  });

  test('codes mailed to the old address die with it', async () => {
    const account = await createAccount(appliance);
    const reset = await authorizeReset(appliance, account.email);
    const next = newAddress();
    const asked = await ask(account, next);
    const code = await codeFor(appliance, next, 'change_email');
    expect((await verify(account.token, asked.body.flow_token, code)).status).toBe(200);
    const body = { flow_token: reset, password: OTHER_PASSWORD };
    expect((await appliance.call('/v1/password/reset', { body })).body.code).toBe('flow_expired');
  });

  test('a taken address gets the same answer, its owner a notice, and no code opens it', async () => {
    const account = await createAccount(appliance);
    const owner = await createAccount(appliance);
    const asked = await ask(account, owner.email);
    expect(asked).toMatchObject({ status: 202, body: { status: 'code_sent' } });
    const theirs = await codeFor(appliance, owner.email, 'verify_email');
    expect((await verify(account.token, asked.body.flow_token, theirs)).body.code).toBe(
      'invalid_code',
    );
    const mails = await appliance.mailsTo(owner.email);
    expect(mails.at(-1)?.mail.text).not.toMatch(/[0-9A-Z]{4}-[0-9A-Z]{4}/);
    expect(await mailKinds(appliance, owner.email)).not.toContain('change_email');
  });

  test('an address registered meanwhile is refused at the end, and nothing has changed', async () => {
    const account = await createAccount(appliance);
    const next = newAddress();
    const asked = await ask(account, next);
    const code = await codeFor(appliance, next, 'change_email');
    await createAccount(appliance, { email: next });
    expect((await verify(account.token, asked.body.flow_token, code)).body.code).toBe(
      'email_taken',
    );
    expect((await logIn(appliance, account)).status).toBe(200);
  });

  test('a domain removed meanwhile is refused at the end, which costs a try, not the flow', async () => {
    const { domains } = appliance.core;
    const leaving = { name: 'leaving.example', trust: true };
    const account = await createAccount(appliance);
    await domains.add(SYSTEM_ACTOR, leaving);
    appliance.clock.advance(1_000);
    const next = `moved@${leaving.name}`;
    const asked = await ask(account, next);
    const code = await codeFor(appliance, next, 'change_email');
    const finish = () => verify(account.token, asked.body.flow_token, code);
    await domains.remove(SYSTEM_ACTOR, leaving.name);
    appliance.clock.advance(1_000);
    expect(await finish()).toMatchObject({ status: 403, body: { code: 'domain_not_allowed' } });
    await domains.add(SYSTEM_ACTOR, leaving);
    appliance.clock.advance(1_000);
    expect((await finish()).body).toMatchObject({ email: next });
  });

  test('neither the same address, a foreign domain, nor another user’s flow passes', async () => {
    const account = await createAccount(appliance);
    const other = await createAccount(appliance);
    expect((await ask(account, account.email)).body.code).toBe('validation_failed');
    expect((await ask(account, 'me@elsewhere.example')).body.code).toBe('domain_not_allowed');
    const next = newAddress();
    const asked = await ask(account, next);
    const code = await codeFor(appliance, next, 'change_email');
    expect((await verify(other.token, asked.body.flow_token, code)).body.code).toBe('flow_expired');
  });

  test('with two-factor on it needs a factor, once', async () => {
    const account = await createTwoFactorAccount(appliance);
    appliance.clock.advance(30_000);
    const next = newAddress();
    expect((await ask(account, next)).body.code).toBe('two_factor_required');
    const recovery_code = account.recoveryCodes[0]!.toLowerCase().replaceAll('-', '');
    expect((await ask(account, next, { recovery_code })).status).toBe(202);
    expect((await ask(account, next, { recovery_code })).body.code).toBe('invalid_code');
    const { body } = await appliance.call('/v1/me', { token: account.token });
    expect(body.recovery_codes_left).toBe(9);
  });

  test('two changes racing never leave an address whose mailbox was not the one that proved it', async () => {
    // Without a worker both codes can be read: it would not send the one that lost.
    const quiet = await startAppliance();
    const account = await createAccount(quiet);
    const { token } = account;
    const askFor = (new_email: string) =>
      quiet.call('/v1/me/email', { token, body: { new_email, password: PASSWORD } });
    for (let round = 0; round < 25; round += 1) {
      const mine = newAddress();
      const victims = newAddress();
      const flows = await Promise.all([askFor(mine), askFor(victims)]);
      const code = await codeFor(quiet, mine, 'change_email');
      const answers = await Promise.all([
        ...flows.map(({ body: { flow_token } }) =>
          quiet.call('/v1/me/email/verify', { token, body: { flow_token, code } }),
        ),
        // While the one is proved the other is asked for once more.
        askFor(victims),
      ]);
      for (const { status } of answers) expect(status).not.toBe(500);
      const { body } = await quiet.call('/v1/me', { token });
      expect(body.email).not.toBe(victims);
    }
    await quiet.stop();
  });
});
