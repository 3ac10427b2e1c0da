import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../src/lib/package-root.ts';
import {
  authorizeReset,
  createAccount,
  createTwoFactorAccount,
  logIn,
  newAddress,
  PASSWORD,
} from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import { codeFor } from '../support/mailbox.ts';

/** What docs/passwords.md says that a request costs, least and most. */
const SAID = readTable();
/** What requests were counted to cost, by the same names. */
const counted = new Map<string, Set<number>>();

let appliance: TestAppliance;
beforeAll(async () => {
  appliance = await startAppliance({ env: { AUTHCTL_HASH_MODE: 'sync' } });
});
afterAll(() => appliance.stop());

function readTable(): ReadonlyMap<string, readonly [number, number]> {
  const text = readFileSync(join(packageRoot(), 'docs/passwords.md'), 'utf8');
  const rows = text.matchAll(/^\| `?((?:[A-Z]+ \/\S+?)|all others)`? \| (\d)(?: to (\d))?/gm);
  return new Map(
    [...rows].map(([, name = '', least, most = least]) => [name, [Number(least), Number(most)]]),
  );
}

/** Sends a request and counts the hashes it took. */
async function send(name: string, body: object | null, token?: string) {
  const [method = '', path = ''] = name.split(' ');
  const hashes = () => appliance.api.forge.stats().completed;
  const before = hashes();
  const answer = await appliance.call(path, {
    method,
    ...(body && { body }),
    ...(token !== undefined && { token }),
  });
  expect([name, answer.status < 300]).toEqual([name, true]);
  const costs = counted.get(name) ?? new Set();
  counted.set(name, costs.add(hashes() - before));
  return answer.body;
}

const words = ['amber', 'basil', 'cedar', 'dahlia', 'elder', 'fennel', 'ginger', 'hazel'];
const password = (n: number) => `seventeen ${words[n]} trees in a row`;

test('every request costs what the document says', async () => {
  const email = newAddress();
  const mine = { email, password: PASSWORD };
  const first = (await send('POST /v1/register', mine)).flow_token;
  await send('POST /v1/register', mine);
  const { flow_token } = await send('POST /v1/verify/resend', { flow_token: first });
  const code = await codeFor(appliance, email, 'verify_email');
  const { tokens } = await send('POST /v1/verify', { flow_token, code });
  await send('POST /v1/login', mine);
  await send('POST /v1/token/refresh', { refresh_token: tokens.refresh_token });
  const token = tokens.access_token;
  await send('GET /v1/me', null, token);
  await send('GET /v1/me/sessions', null, token);
  await send('GET /v1/me/export', null, token);
  await send('PATCH /v1/me', { username: 'ada' }, token);
  const next = newAddress();
  const change = await send('POST /v1/me/email', { new_email: next, password: PASSWORD }, token);
  const proof = await codeFor(appliance, next, 'change_email');
  await send('POST /v1/me/email/verify', { flow_token: change.flow_token, code: proof }, token);
  await send('POST /v1/logout', null, token);

  const { email: other, token: session } = await createAccount(appliance);
  const forgot = await send('POST /v1/password/forgot', { email: other });
  const redeemed = await send('POST /v1/password/forgot/verify', {
    flow_token: forgot.flow_token,
    code: await codeFor(appliance, other, 'reset_password'),
  });
  const factor = await send('POST /v1/me/two-factor/totp', { password: PASSWORD }, session);
  await send(
    'POST /v1/me/two-factor/totp/confirm',
    {
      flow_token: factor.flow_token,
      code: authenticatorCode(factor.secret, appliance.clock.now()),
    },
    session,
  );
  expect(redeemed.status).toBe('reset_authorized');

  const guarded = await createTwoFactorAccount(appliance);
  const asked = (await logIn(appliance, guarded)).body.flow_token;
  const [one, two, three] = guarded.recoveryCodes;
  await send('POST /v1/login/two-factor', { flow_token: asked, recovery_code: one });
  const codes = { password: PASSWORD, recovery_code: two };
  const draw = 'POST /v1/me/two-factor/recovery-codes';
  const drawn = await send(draw, codes, guarded.token);
  expect(drawn.recovery_codes).not.toContain(three);
  const off = { password: PASSWORD, recovery_code: drawn.recovery_codes[0] };
  await send('POST /v1/me/two-factor/totp/disable', off, guarded.token);
  await send('DELETE /v1/me', { password: PASSWORD }, guarded.token);

  await changeOften();
  await resetOften();
  const found = [...counted].map(([name, costs]) => [name, Math.min(...costs), Math.max(...costs)]);
  expect(found).toEqual(
    found.map(([name]) => [name, ...(SAID.get(String(name)) ?? SAID.get('all others')!)]),
  );
  for (const name of SAID.keys()) if (name !== 'all others') expect(counted.has(name)).toBe(true);
});

/** From a first password to more than are remembered. */
async function changeOften(): Promise<void> {
  const { token } = await createAccount(appliance);
  let current = PASSWORD;
  for (let n = 0; n < 6; n += 1) {
    const body = { current_password: current, new_password: password(n) };
    await send('POST /v1/me/password', body, token);
    current = password(n);
  }
}

async function resetOften(): Promise<void> {
  const { email } = await createAccount(appliance);
  for (let n = 0; n < 6; n += 1) {
    const flow_token = await authorizeReset(appliance, email);
    await send('POST /v1/password/reset', { flow_token, password: password(n) });
  }
}
