import { expect } from 'vitest';
import type { Answer, TestAppliance } from './appliance.ts';
import { authenticatorCode } from './authenticator.ts';
import { codeFor } from './mailbox.ts';

export const PASSWORD = 'correct horse battery staple';
export const OTHER_PASSWORD = 'seven green parrots at noon';

/** Somebody signed in. */
export interface Account {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly token: string;
  readonly refreshToken: string;
  readonly sessionId: string;
}

export interface TwoFactorAccount extends Account {
  /** Base32. */
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
}

let people = 0;

/** An address nobody has used in this file. */
export function newAddress(domain = 'example.com'): string {
  people += 1;
  return `person${people}@${domain}`;
}

/** Registers an address, proves its mailbox and signs in. */
export async function createAccount(
  appliance: TestAppliance,
  { email = newAddress(), password = PASSWORD } = {},
): Promise<Account> {
  const registered = await appliance.call('/v1/register', { body: { email, password } });
  expect(registered).toMatchObject({ status: 202, body: { status: 'verification_required' } });
  const code = await codeFor(appliance, email, 'verify_email');
  const body = { flow_token: registered.body.flow_token, code };
  return toAccount(await appliance.call('/v1/verify', { body }), { email, password });
}

/** The same with two-factor on; its authenticator's current step is used up. */
export async function createTwoFactorAccount(
  appliance: TestAppliance,
  given: { email?: string; password?: string } = {},
): Promise<TwoFactorAccount> {
  const account = await createAccount(appliance, given);
  return { ...account, ...(await enableTotp(appliance, account)) };
}

/** Turns two-factor on, with the code of the current step. */
export async function enableTotp(
  appliance: TestAppliance,
  { token, password }: Pick<Account, 'token' | 'password'>,
): Promise<{ secret: string; recoveryCodes: string[] }> {
  const begun = await appliance.call('/v1/me/two-factor/totp', { token, body: { password } });
  expect(begun.status).toBe(200);
  const { flow_token, secret } = begun.body;
  const code = authenticatorCode(secret, appliance.clock.now());
  const confirmed = await appliance.call('/v1/me/two-factor/totp/confirm', {
    token,
    body: { flow_token, code },
  });
  expect(confirmed.status).toBe(200);
  return { secret, recoveryCodes: confirmed.body.recovery_codes };
}

/** Sends the password; returns whatever is asked next. */
export function logIn(
  appliance: TestAppliance,
  { email, password = PASSWORD }: { email: string; password?: string },
): Promise<Answer> {
  return appliance.call('/v1/login', { body: { email, password } });
}

/** Signs in once more, as another device. */
export async function signIn(
  appliance: TestAppliance,
  { email, password = PASSWORD }: { email: string; password?: string },
): Promise<Account> {
  return toAccount(await logIn(appliance, { email, password }), { email, password });
}

/** Asks for a code for a forgotten password and redeems it; returns the flow that may set a new one. */
export async function authorizeReset(appliance: TestAppliance, email: string): Promise<string> {
  const asked = await appliance.call('/v1/password/forgot', { body: { email } });
  expect(asked).toMatchObject({ status: 202, body: { status: 'code_sent' } });
  const code = await codeFor(appliance, email, 'reset_password');
  const body = { flow_token: asked.body.flow_token, code };
  const verified = await appliance.call('/v1/password/forgot/verify', { body });
  expect(verified).toMatchObject({ status: 200, body: { status: 'reset_authorized' } });
  return verified.body.flow_token;
}

/** Whether an access token still opens anything. */
export async function isSignedIn(appliance: TestAppliance, token: string): Promise<boolean> {
  const { status } = await appliance.call('/v1/me', { token });
  expect([200, 401]).toContain(status);
  return status === 200;
}

export function toAccount(
  answer: Answer,
  { email, password }: { email: string; password: string },
): Account {
  expect(answer).toMatchObject({ status: 200, body: { status: 'authenticated' } });
  const { user, tokens } = answer.body;
  return {
    id: user.id,
    email,
    password,
    token: tokens.access_token,
    refreshToken: tokens.refresh_token,
    sessionId: tokens.session_id,
  };
}
