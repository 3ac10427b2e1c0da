import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cliActor } from '../../../src/services/audit/actor.ts';
import { listKeys } from '../../../src/services/key/list.ts';
import { retireKey, rotateSecret } from '../../../src/services/key/rotate.ts';
import { webhookSecrets } from '../../../src/services/webhook/secrets.ts';
import {
  createAccount,
  createTwoFactorAccount,
  logIn,
  newAddress,
  PASSWORD,
  type TwoFactorAccount,
} from '../../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { authenticatorCode } from '../../support/authenticator.ts';
import { codeFor } from '../../support/mailbox.ts';
import { refresh } from '../../support/sign-in.ts';

const MINUTE_MS = 60_000;
const actor = cliActor('tester');

/** The node on which keys are rotated, and one that has not heard of it. */
let here: TestAppliance;
let there: TestAppliance;

beforeAll(async () => {
  here = await startAppliance();
  there = await startAppliance({ beside: here });
});
afterAll(async () => {
  await there.stop();
  await here.stop();
});

const deps = () => {
  const { db, clock, masters } = here.core;
  return { db, clock, actor, loadMasters: masters.load };
};

/** Rotates so that `here` writes with the new key at once while `there` still holds the old ring. */
async function rotate(kind: 'refresh' | 'data' | 'code'): Promise<string> {
  await there.core.keys.ring();
  const { previous_kid } = await rotateSecret(deps(), { kind, dryRun: false });
  here.core.keys.invalidate();
  return previous_kid;
}

const retire = (kid: string) => retireKey(deps(), kid, { dryRun: false });

async function usesOf(kid: string): Promise<number | null | undefined> {
  const keys = await listKeys(here.core.db, here.core.clock.now());
  return keys.find((key) => key.kid === kid)?.uses;
}

async function signInWith(node: TestAppliance, account: TwoFactorAccount, factor: object) {
  const { body } = await logIn(node, account);
  const answer = { flow_token: body.flow_token, ...factor };
  return (await node.call('/v1/login/two-factor', { body: answer })).body.status;
}

describe('refresh keys', () => {
  test('a session moves to the new key by its next refresh, on whichever node', async () => {
    const { refreshToken } = await createAccount(here);
    const old = await rotate('refresh');
    const { body: first } = await refresh(here, refreshToken);
    const { status, body: second } = await refresh(there, first.tokens.refresh_token);
    expect(status).toBe(200);

    // What is younger than a minute may be of a node that had not heard of the new key.
    here.clock.advance(2 * MINUTE_MS);
    expect(await usesOf(old)).toBeGreaterThan(0);
    await expect(retire(old)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/^Still needed by \d+ sessions?\.$/),
    });
    const { body: third } = await refresh(there, second.tokens.refresh_token);
    await here.sql(`UPDATE sessions SET ended_at = now() WHERE id <> $1`, [
      third.tokens.session_id,
    ]);
    expect(await usesOf(old)).toBe(0);
    await retire(old);
    expect((await refresh(here, third.tokens.refresh_token)).status).toBe(200);
    expect((await refresh(here, refreshToken)).body.code).toBe('invalid_refresh_token');
  });

  test('a key that was replaced at once, or by a node whose clock is behind, is kept for its sessions', async () => {
    const { refreshToken } = await createAccount(here);
    const old = await rotate('refresh');
    for (const secondsLater of [0, -60]) {
      await here.sql(
        `UPDATE keys SET activated_at = $2::timestamptz
           + CASE WHEN kid = $1 THEN interval '0' ELSE make_interval(secs => $3) END
         WHERE kind = 'refresh'`,
        [old, here.clock.now(), secondsLater],
      );
      expect(await usesOf(old)).toBeGreaterThan(0);
    }
    expect((await refresh(here, refreshToken)).status).toBe(200);
  });

  test('rotations one right after the other end no session, on whichever node it is refreshed', async () => {
    const accounts = await Promise.all(Array.from({ length: 8 }, () => createAccount(here)));
    const rotated = new AbortController();
    const sessions = accounts.map(async ({ refreshToken }, index) => {
      let token = refreshToken;
      for (let round = index; !rotated.signal.aborted || round < index + 8; round += 1) {
        const { status, body } = await refresh(round % 2 ? here : there, token);
        expect(status).toBe(200);
        token = body.tokens.refresh_token;
      }
      return token;
    });
    for (let n = 0; n < 6; n += 1) await rotate('refresh');
    rotated.abort();
    for (const token of await Promise.all(sessions))
      expect((await refresh(here, token)).status).toBe(200);
  });
});

describe('data keys', () => {
  test('an authenticator moves to the new key with its next code', async () => {
    const account = await createTwoFactorAccount(here);
    const totp = (steps: number) => authenticatorCode(account.secret, here.clock.now(), steps);
    const old = await rotate('data');
    here.clock.advance(MINUTE_MS + 1_000);
    await expect(retire(old)).rejects.toMatchObject({
      message: expect.stringContaining('1 authenticator,'),
    });
    expect(await signInWith(there, account, { code: totp(0) })).toBe('authenticated');
    await expect(retire(old)).rejects.toMatchObject({
      message: expect.stringMatching(/^Still needed by \d+ mails?/),
    });
    await here.sql(`DELETE FROM mails WHERE data_kid = $1`, [old]);
    await retire(old);
    here.clock.advance(MINUTE_MS);
    expect(await signInWith(here, account, { code: totp(0) })).toBe('authenticated');
    expect(await signInWith(there, account, { code: totp(1) })).toBe('authenticated');
  });

  test('a seed that is shown before the rotation is confirmed after it, and so is one of the other node', async () => {
    for (const [shown, confirmed] of [
      [here, there],
      [there, here],
    ] as const) {
      const { token } = await createAccount(shown);
      const begun = await shown.call('/v1/me/two-factor/totp', {
        token,
        body: { password: PASSWORD },
      });
      await rotate('data');
      const code = authenticatorCode(begun.body.secret, here.clock.now());
      const body = { flow_token: begun.body.flow_token, code };
      const answer = await confirmed.call('/v1/me/two-factor/totp/confirm', { token, body });
      expect(answer.status).toBe(200);
    }
  });

  test('a seed that is shown keeps its key until it is confirmed', async () => {
    here.core.keys.invalidate();
    const { token } = await createAccount(here);
    await here.call('/v1/me/two-factor/totp', { token, body: { password: PASSWORD } });
    const old = await rotate('data');
    await expect(retire(old)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('1 open flow'),
    });
  });

  test('a mail sealed by a key of later is sent by a worker that has not heard of it', async () => {
    await rotate('data');
    const email = newAddress();
    await here.call('/v1/register', { body: { email, password: PASSWORD } });
    expect(await codeFor(there, email, 'verify_email')).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  });
});

describe('code keys', () => {
  test('mailed codes and recovery codes of both keys are right, on both nodes', async () => {
    const account = await createTwoFactorAccount(here);
    const email = newAddress();
    const registered = await here.call('/v1/register', { body: { email, password: PASSWORD } });
    const code = await codeFor(here, email, 'verify_email');
    const old = await rotate('code');

    const later = newAddress();
    const again = await here.call('/v1/register', { body: { email: later, password: PASSWORD } });
    for (const [address, flow, node] of [
      [email, registered, here],
      [later, again, there],
    ] as const) {
      const mailed = address === email ? code : await codeFor(here, address, 'verify_email');
      const body = { flow_token: flow.body.flow_token, code: mailed };
      expect((await node.call('/v1/verify', { body })).body.status).toBe('authenticated');
    }

    const [first, second] = account.recoveryCodes;
    expect(await signInWith(there, account, { recovery_code: first })).toBe('authenticated');
    expect(await signInWith(here, account, { recovery_code: second })).toBe('authenticated');
    expect(await signInWith(here, account, { recovery_code: second })).not.toBe('authenticated');

    here.clock.advance(MINUTE_MS + 1_000);
    await expect(retire(old)).rejects.toMatchObject({
      message: expect.stringMatching(/8 recovery codes/),
    });
    await here.sql('DELETE FROM recovery_codes');
    await here.sql('DELETE FROM flows');
    await retire(old);
  });

  test('a webhook is signed by the new key first, and by the old one until it is retired', async () => {
    const { keys } = here.core;
    const secrets = () => webhookSecrets(keys, 'events', undefined);
    const before = await secrets();
    await rotate('code');
    const [current, ...others] = await secrets();
    expect(before).not.toContainEqual(current);
    expect(others).toHaveLength(before.length);
    expect(others).toEqual(expect.arrayContaining([...before]));
  });

  test('a retry with its Idempotency-Key gets the first answer on a node that has not heard of the key', async () => {
    const request = {
      body: { email: newAddress('open.example'), password: PASSWORD },
      headers: { 'Idempotency-Key': 'right-after' },
    };
    await rotate('code');
    const first = await here.call('/v1/register', request);
    expect(first.status).toBe(201);
    expect(await there.call('/v1/register', request)).toMatchObject({
      status: 201,
      body: first.body,
    });
  });

  test('a retry with its Idempotency-Key gets the first answer, whichever keys were replaced', async () => {
    const request = {
      body: { email: newAddress('open.example'), password: PASSWORD },
      headers: { 'Idempotency-Key': 'before-and-after' },
    };
    const first = await here.call('/v1/register', request);
    expect(first.status).toBe(201);
    await rotate('code');
    await rotate('data');
    for (const node of [here, there]) {
      const retry = await node.call('/v1/register', request);
      expect(retry).toMatchObject({ status: 201, body: first.body });
    }
    const other = { ...request, body: { ...request.body, password: 'another one entirely' } };
    expect((await here.call('/v1/register', other)).body.code).toBe('idempotency_conflict');
  });
});

test('a refresh token with a key nobody knows is refused like any other', async () => {
  const { refreshToken } = await createAccount(here);
  const bytes = Buffer.from(refreshToken.slice(3), 'base64url');
  bytes.writeUInt32BE(0xdeadbeef, 1);
  const forged = `rt_${bytes.toString('base64url')}`;
  const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(there, forged)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
});
