import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateSync } from 'otplib';
import type { Throwaway } from '../../src/bench/appliance/throwaway.ts';

export const PASSWORD = 'correct horse battery staple';
export const OPEN_DOMAIN = 'open.example';
export const MAIL_DOMAIN = 'mail.example';
/** Of nobody's password, at the cost that most systems chose. */
const BCRYPT = '$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';

/** Accounts of one state, so many that no single one stands out. */
const ACCOUNTS = 5;

/** Addresses by the state of their accounts. */
export interface Scene {
  readonly final: readonly string[];
  readonly pending: readonly string[];
  readonly locked: readonly string[];
  readonly twoFactor: readonly string[];
  readonly noPassword: readonly string[];
  /** Their password is what another system made of it. */
  readonly imported: readonly string[];
  /** Registered where a code is mailed, and not verified. */
  readonly unverified: readonly string[];
}

/** Registers the accounts that the classes are about; no worker runs, so `pending` ones stay so. */
export async function setScene(url: string, throwaway: Throwaway): Promise<Scene> {
  const addresses = (state: string, domain = OPEN_DOMAIN) =>
    Array.from({ length: ACCOUNTS }, (_, index) => `${state}-${index}@${domain}`);
  const scene = {
    final: addresses('final'),
    pending: addresses('pending'),
    locked: addresses('locked'),
    twoFactor: addresses('two-factor'),
    noPassword: addresses('no-password'),
    imported: addresses('imported'),
    unverified: addresses('unverified', MAIL_DOMAIN),
  };
  const { noPassword, imported, ...registered } = scene;
  await importUsers([
    ...noPassword.map((email) => ({ email, email_verified: true })),
    ...imported.map((email) => ({ email, email_verified: true, password_hash: BCRYPT })),
  ]);
  for (const email of Object.values(registered).flat())
    await call(url, '/v1/register', { email, password: PASSWORD });
  for (const email of [...scene.final, ...scene.locked]) await signIn(email);
  for (const email of scene.twoFactor) await turnTwoFactorOn(await signIn(email));
  for (const email of scene.locked) await throwaway.run('users', 'lock', email);
  return scene;

  async function importUsers(users: readonly object[]): Promise<void> {
    const file = join(throwaway.dataDir, 'timing-users.ndjson');
    await writeFile(file, users.map((user) => `${JSON.stringify(user)}\n`).join(''));
    await throwaway.run('users', 'import', file);
  }

  async function signIn(email: string): Promise<string> {
    const { tokens } = await call(url, '/v1/login', { email, password: PASSWORD });
    return (tokens as { access_token: string }).access_token;
  }

  async function turnTwoFactorOn(token: string): Promise<void> {
    const setup = await call(url, '/v1/me/two-factor/totp', { password: PASSWORD }, token);
    const { flow_token, secret } = setup as { flow_token: string; secret: string };
    const code = generateSync({ secret });
    await call(url, '/v1/me/two-factor/totp/confirm', { flow_token, code }, token);
  }
}

/** Asks the API for something that it is to grant. */
export async function call(
  url: string,
  path: string,
  body: object,
  token?: string,
): Promise<Record<string, unknown>> {
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
}
