import { generateSync } from 'otplib';
import type { Throwaway } from '../../src/bench/appliance/throwaway.ts';

export const PASSWORD = 'correct horse battery staple';
export const OPEN_DOMAIN = 'open.example';
export const MAIL_DOMAIN = 'mail.example';

/** Accounts of one state, so many that no single one stands out. */
const ACCOUNTS = 5;

/** Addresses by the state of their accounts. */
export interface Scene {
  readonly final: readonly string[];
  readonly pending: readonly string[];
  readonly locked: readonly string[];
  readonly twoFactor: readonly string[];
}

/** Registers the accounts that the classes are about; no worker runs, so `pending` ones stay so. */
export async function setScene(url: string, throwaway: Throwaway): Promise<Scene> {
  const call = createCaller(url);
  const addresses = (state: string) =>
    Array.from({ length: ACCOUNTS }, (_, index) => `${state}-${index}@${OPEN_DOMAIN}`);
  const scene = {
    final: addresses('final'),
    pending: addresses('pending'),
    locked: addresses('locked'),
    twoFactor: addresses('two-factor'),
  };
  for (const email of Object.values(scene).flat())
    await call('/v1/register', { email, password: PASSWORD });
  for (const email of [...scene.final, ...scene.locked]) await signIn(email);
  for (const email of scene.twoFactor) await turnTwoFactorOn(await signIn(email));
  for (const email of scene.locked) await throwaway.run('users', 'lock', email);
  return scene;

  async function signIn(email: string): Promise<string> {
    const { tokens } = await call('/v1/login', { email, password: PASSWORD });
    return (tokens as { access_token: string }).access_token;
  }

  async function turnTwoFactorOn(token: string): Promise<void> {
    const setup = await call('/v1/me/two-factor/totp', { password: PASSWORD }, token);
    const { flow_token, secret } = setup as { flow_token: string; secret: string };
    const code = generateSync({ secret });
    await call('/v1/me/two-factor/totp/confirm', { flow_token, code }, token);
  }
}

function createCaller(url: string) {
  return async (path: string, body: object, token?: string): Promise<Record<string, unknown>> => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
      },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  };
}
