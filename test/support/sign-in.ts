import { randomCode } from '../../src/crypto/random.ts';
import type { TestAppliance } from './appliance.ts';

/** Settings with which a registration answers with tokens and hashes nothing: the quickest way in. */
export const QUICK_SIGN_IN = {
  AUTHCTL_REGISTRATION_AUTO_LOGIN: 'on',
  AUTHCTL_HASH_MODE: 'deferred',
  AUTHCTL_HASH_BACKLOG_MAX_AGE: '24h',
};

export const PASSWORD = 'correct horse battery staple';

export interface SignedIn {
  readonly email: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly access: string;
  readonly refresh: string;
}

interface SignInOptions {
  readonly deviceName?: string;
  readonly headers?: Record<string, string>;
}

/** A new account with one session, on an appliance started with `QUICK_SIGN_IN`. */
export async function signUp(
  appliance: TestAppliance,
  { deviceName, headers = {} }: SignInOptions = {},
): Promise<SignedIn> {
  const email = `${randomCode(12).toLowerCase()}@open.example`;
  const device = deviceName === undefined ? {} : { device_name: deviceName };
  const { status, body } = await appliance.call('/v1/register', {
    body: { email, password: PASSWORD, ...device },
    headers,
  });
  if (status !== 201) throw new Error(`registration answered ${status}: ${JSON.stringify(body)}`);
  return signedIn(email, body);
}

/** One more session of an account. */
export async function signInAgain(
  appliance: TestAppliance,
  { email }: Pick<SignedIn, 'email'>,
): Promise<SignedIn> {
  const { status, body } = await appliance.call('/v1/login', {
    body: { email, password: PASSWORD },
  });
  if (status !== 200) throw new Error(`login answered ${status}: ${JSON.stringify(body)}`);
  return signedIn(email, body);
}

export async function refresh(appliance: TestAppliance, token: string) {
  return appliance.call('/v1/token/refresh', { body: { refresh_token: token } });
}

export async function statusOfMe(appliance: TestAppliance, token: string): Promise<number> {
  return (await appliance.call('/v1/me', { token })).status;
}

function signedIn(
  email: string,
  body: { user: { id: string }; tokens: Record<string, string> },
): SignedIn {
  const { access_token, refresh_token, session_id } = body.tokens;
  return {
    email,
    userId: body.user.id,
    sessionId: session_id!,
    access: access_token!,
    refresh: refresh_token!,
  };
}
