import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SYSTEM_ACTOR } from '../../src/services/audit/actor.ts';
import {
  type Account,
  authorizeReset,
  enableTotp,
  isSignedIn,
  logIn,
  newAddress,
  OTHER_PASSWORD,
  PASSWORD,
  signIn,
} from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import { codeFor } from '../support/mailbox.ts';

/**
 * Somebody registers an address that is not theirs and waits for its owner. Whatever they set up, it
 * ends with the first proof of the mailbox.
 */
let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance();
});
afterAll(() => appliance.stop());

const register = (email: string) =>
  appliance.call('/v1/register', { body: { email, password: PASSWORD } });

describe('under a domain without verification, where the stranger gets in', () => {
  interface Stranger extends Account {
    readonly secret: string;
    readonly recoveryCodes: readonly string[];
    /** Flows begun with the stranger's password. */
    readonly flows: { readonly twoFactor: string };
  }

  async function preRegister(): Promise<Stranger> {
    const email = newAddress('open.example');
    expect((await register(email)).body.status).toBe('registered');
    const account = await signIn(appliance, { email });
    const factor = await enableTotp(appliance, account);
    const twoFactor = (await logIn(appliance, account)).body.flow_token;
    return { ...account, ...factor, flows: { twoFactor } };
  }

  async function expectNothingLeft(stranger: Stranger): Promise<void> {
    const { token, refreshToken, email, flows, recoveryCodes, secret } = stranger;
    expect(await isSignedIn(appliance, token)).toBe(false);
    const refresh = { refresh_token: refreshToken };
    expect((await appliance.call('/v1/token/refresh', { body: refresh })).status).toBe(401);
    appliance.clock.advance(30_000);
    const code = authenticatorCode(secret, appliance.clock.now());
    for (const factor of [{ code }, { recovery_code: recoveryCodes[0] }]) {
      const body = { flow_token: flows.twoFactor, ...factor };
      const answer = await appliance.call('/v1/login/two-factor', { body });
      expect(answer.body.code).toBe('flow_expired');
    }
    expect((await logIn(appliance, { email })).body.code).toBe('invalid_credentials');
  }

  test('after the owner’s reset', async () => {
    const stranger = await preRegister();
    const flow = await authorizeReset(appliance, stranger.email);
    const body = { flow_token: flow, password: OTHER_PASSWORD };
    expect((await appliance.call('/v1/password/reset', { body })).status).toBe(200);
    await expectNothingLeft(stranger);
    const owner = { email: stranger.email, password: OTHER_PASSWORD };
    expect((await logIn(appliance, owner)).body).toMatchObject({
      status: 'authenticated',
      user: { two_factor_enabled: false, recovery_codes_left: 0 },
    });
  });

  test('after the owner’s code alone, the reset not finished: the password is dead, too', async () => {
    const stranger = await preRegister();
    await authorizeReset(appliance, stranger.email);
    await expectNothingLeft(stranger);
  });

  test('and their network is no longer one that the owner signed in from', async () => {
    const { id, email } = await preRegister();
    const known = () =>
      appliance.sql('SELECT network FROM known_networks WHERE user_id = $1', [id]);
    expect(await known()).toHaveLength(1);
    await authorizeReset(appliance, email);
    expect(await known()).toHaveLength(0);
  });

  test('and a stranger who signs in while the owner proves the mailbox is not left signed in', async () => {
    for (let round = 0; round < 5; round += 1) {
      const email = newAddress('open.example');
      await register(email);
      const asked = await appliance.call('/v1/password/forgot', { body: { email } });
      const code = await codeFor(appliance, email, 'reset_password');
      const body = { flow_token: asked.body.flow_token, code };
      const [proved, ...logins] = await Promise.all([
        appliance.call('/v1/password/forgot/verify', { body }),
        ...Array.from({ length: 10 }, () => logIn(appliance, { email })),
      ]);
      expect(proved.status).toBe(200);
      appliance.clock.advance(600);
      for (const { body: answer } of logins) {
        if (answer.status !== 'authenticated') continue;
        expect(await isSignedIn(appliance, answer.tokens.access_token)).toBe(false);
      }
    }
  });

  test('after the domain began to ask for codes and the owner proved one', async () => {
    const domain = 'tightened.example';
    const { domains } = appliance.core;
    await domains.add(SYSTEM_ACTOR, { name: domain, trust: true, verification: 'none' });
    appliance.clock.advance(1_000);
    const email = newAddress(domain);
    await register(email);
    const before = await signIn(appliance, { email });
    await enableTotp(appliance, before);
    await domains.set(SYSTEM_ACTOR, domain, 'email_code');
    appliance.clock.advance(1_000);
    const asked = await logIn(appliance, { email });
    expect(asked.body.status).toBe('verification_required');
    const code = await codeFor(appliance, email, 'verify_email');
    const body = { flow_token: asked.body.flow_token, code };
    expect((await appliance.call('/v1/verify', { body })).body).toMatchObject({
      status: 'authenticated',
      user: { two_factor_enabled: false },
    });
    expect(await isSignedIn(appliance, before.token)).toBe(false);
  });
});

describe('under a domain with verification, where the stranger holds a flow and a password', () => {
  test('the owner’s reset ends both', async () => {
    const email = newAddress();
    const registered = await register(email);
    const login = await logIn(appliance, { email });
    expect(login.body.status).toBe('verification_required');
    const flow = await authorizeReset(appliance, email);

    for (const flow_token of [registered.body.flow_token, login.body.flow_token]) {
      const code = await codeFor(appliance, email, 'verify_email');
      const answer = await appliance.call('/v1/verify', { body: { flow_token, code } });
      expect(answer.body.code).toBe('flow_expired');
    }
    expect((await logIn(appliance, { email })).body.code).toBe('invalid_credentials');
    const body = { flow_token: flow, password: OTHER_PASSWORD };
    expect((await appliance.call('/v1/password/reset', { body })).status).toBe(200);
    expect((await logIn(appliance, { email })).body.code).toBe('invalid_credentials');
    expect((await logIn(appliance, { email, password: OTHER_PASSWORD })).status).toBe(200);
  });

  test('registering again changes nothing about the account there is', async () => {
    const email = newAddress();
    await register(email);
    const body = { email, password: OTHER_PASSWORD };
    expect((await appliance.call('/v1/register', { body })).body.status).toBe(
      'verification_required',
    );
    expect((await logIn(appliance, body)).body.code).toBe('invalid_credentials');
    expect((await logIn(appliance, { email })).body.status).toBe('verification_required');
  });
});

describe('a second factor is not a pre-registration', () => {
  test('a verified owner made pending again keeps it when the mailbox is proved', async () => {
    const email = newAddress('open.example');
    await register(email);
    const account = await signIn(appliance, { email });
    const { secret } = await enableTotp(appliance, account);
    await appliance.sql(
      `UPDATE users SET status = 'pending', email_verified_at = now() WHERE email = $1`,
      [email],
    );
    const flow = await authorizeReset(appliance, email);
    const body = { flow_token: flow, password: OTHER_PASSWORD };
    expect((await appliance.call('/v1/password/reset', { body })).status).toBe(200);
    const asked = await logIn(appliance, { email, password: OTHER_PASSWORD });
    expect(asked.body.status).toBe('two_factor_required');
    appliance.clock.advance(30_000);
    const code = authenticatorCode(secret, appliance.clock.now());
    const factor = { flow_token: asked.body.flow_token, code };
    expect((await appliance.call('/v1/login/two-factor', { body: factor })).status).toBe(200);
  });
});
