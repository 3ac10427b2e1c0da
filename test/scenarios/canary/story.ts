import { expect } from 'vitest';
import {
  authorizeReset,
  createTwoFactorAccount,
  logIn,
  newAddress,
  type TwoFactorAccount,
  toAccount,
} from '../../support/accounts.ts';
import type { Answer, TestAppliance } from '../../support/appliance.ts';
import { authenticatorCode } from '../../support/authenticator.ts';
import { codeFor } from '../../support/mailbox.ts';
import type { Secrets } from './secrets.ts';

/** What was said and what must not be found afterwards. */
export interface Story {
  readonly account: TwoFactorAccount;
  readonly secrets: Secrets;
  /** Every answer that refused something. */
  readonly refusals: readonly Answer[];
}

/** Passwords that cannot be mistaken for anything else. */
const PASSWORD = 'CANARY-password-2f91b7 in the mine';
const SECOND = 'CANARY-second-77ad03 in the mine';
const THIRD = 'CANARY-third-0c5e44 in the mine';
const WRONG = 'CANARY-wrong-91d2aa in the mine';
const KEY = 'CANARY-key-5b1c88';
const FIELD = 'CANARY-field-e60b3d';

/** Goes through everything that takes or makes a secret, and then through every mistake. */
export async function tellStory(appliance: TestAppliance): Promise<Story> {
  const refusals: Answer[] = [];
  const call: TestAppliance['call'] = async (path, options) => {
    const answer = await appliance.call(path, options);
    if (answer.status >= 400) refusals.push(answer);
    return answer;
  };
  const post = (path: string, body: unknown, token?: string) =>
    call(path, token === undefined ? { body } : { body, token });

  const secrets: Secrets = {
    password: PASSWORD,
    'new password': SECOND,
    'reset password': THIRD,
    'wrong password': WRONG,
    'Idempotency-Key': KEY,
    'name of a field': FIELD,
  };
  const account = await beginAccount();
  await changeEverything();
  await makeMistakes();
  await meetFaults();
  return { account, secrets, refusals };

  async function beginAccount(): Promise<TwoFactorAccount> {
    const email = newAddress();
    await call('/v1/register', {
      body: { email: newAddress(), password: PASSWORD },
      headers: { 'Idempotency-Key': KEY },
    });
    const created = await createTwoFactorAccount(appliance, { email, password: PASSWORD });
    secrets['access token'] = created.token;
    secrets['refresh token'] = created.refreshToken;
    secrets['seed'] = created.secret;
    created.recoveryCodes.forEach((code, index) => {
      secrets[`recovery code ${index}`] = code;
    });
    secrets['verification code'] = await codeFor(appliance, email, 'verify_email');
    return created;
  }

  async function changeEverything(): Promise<void> {
    const { email, secret, recoveryCodes } = account;
    appliance.clock.advance(30_000);
    const { flow_token } = (await logIn(appliance, { email, password: PASSWORD })).body;
    secrets['two-factor flow'] = flow_token;
    const code = authenticatorCode(secret, appliance.clock.now());
    const signedIn = toAccount(await post('/v1/login/two-factor', { flow_token, code }), account);
    const refreshed = await post('/v1/token/refresh', { refresh_token: signedIn.refreshToken });
    secrets['second refresh token'] = refreshed.body.tokens.refresh_token;

    const [first, second, third] = recoveryCodes;
    const change = { current_password: PASSWORD, new_password: SECOND, recovery_code: first };
    expect((await post('/v1/me/password', change, signedIn.token)).status).toBe(204);
    const reset = await authorizeReset(appliance, email);
    secrets['reset flow'] = reset;
    secrets['reset code'] = await codeFor(appliance, email, 'reset_password');
    const replaced = await post('/v1/password/reset', { flow_token: reset, password: THIRD });
    expect(replaced.status).toBe(200);

    const again = (await logIn(appliance, { email, password: THIRD })).body.flow_token;
    const recovered = { flow_token: again, recovery_code: second };
    const { token } = toAccount(await post('/v1/login/two-factor', recovered), account);
    const new_email = newAddress();
    const asked = await post(
      '/v1/me/email',
      { new_email, password: THIRD, recovery_code: third },
      token,
    );
    expect(asked.status).toBe(202);
    secrets['change code'] = await codeFor(appliance, new_email, 'change_email');
  }

  /** Secrets in the wrong place, and unreadable bodies. */
  async function makeMistakes(): Promise<void> {
    const { token, email } = account;
    await post('/v1/login', { email, password: WRONG });
    await post('/v1/login', { email: PASSWORD, password: WRONG });
    await post('/v1/login', { username: PASSWORD.slice(0, 20), password: [WRONG] });
    await post('/v1/register', { email, password: WRONG, [FIELD]: WRONG });
    await post('/v1/verify', { flow_token: WRONG, code: WRONG });
    await post('/v1/token/refresh', { refresh_token: WRONG });
    await call(`/v1/${encodeURIComponent(WRONG)}?password=${encodeURIComponent(WRONG)}`);
    await call('/v1/me', { token: `${token}x` });
    await fetch(`${appliance.url}/v1/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: `{"email":"${email}","password":"${WRONG}"`,
    });
  }

  /** Two faults of ours: what they were about is then tempting to log. */
  async function meetFaults(): Promise<void> {
    await appliance.sql('ALTER TABLE flows RENAME TO flows_away');
    try {
      const flow_token = secrets['reset flow'];
      const verification = { flow_token, code: secrets['reset code'] };
      expect((await post('/v1/verify', verification)).status).toBe(500);
      const reset = { flow_token, password: WRONG };
      expect((await post('/v1/password/reset', reset)).status).toBe(500);
    } finally {
      await appliance.sql('ALTER TABLE flows_away RENAME TO flows');
    }
  }
}
