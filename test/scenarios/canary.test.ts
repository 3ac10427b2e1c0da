import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  authorizeReset,
  createTwoFactorAccount,
  logIn,
  newAddress,
  type TwoFactorAccount,
  toAccount,
} from '../support/accounts.ts';
import { authenticatorCode, decodeBase32 } from '../support/authenticator.ts';
import { dumpDatabase } from '../support/dump.ts';
import { eventually } from '../support/eventually.ts';
import { codeFor, type MailedAppliance, startMailedAppliance } from '../support/mailbox.ts';

/** Secrets that cannot be mistaken for anything else, and everything that is written while they pass. */
let appliance: MailedAppliance;
let folder: string;
let account: TwoFactorAccount;
const secrets: Record<string, string> = {
  password: 'CANARY-password-2f91b7 in the mine',
  'new password': 'CANARY-second-77ad03 in the mine',
  'reset password': 'CANARY-third-0c5e44 in the mine',
  'wrong password': 'CANARY-wrong-91d2aa in the mine',
  'Idempotency-Key': 'CANARY-key-5b1c88',
};

beforeAll(async () => {
  folder = await mkdtemp('/tmp/authctl-canary-');
  appliance = await startMailedAppliance({
    env: {
      AUTHCTL_LOG_LEVEL: 'trace',
      AUTHCTL_LOG_FILE: join(folder, 'log'),
      AUTHCTL_LOG_SAMPLE: '1',
      AUTHCTL_LIMITS: 'on',
      AUTHCTL_PUBLIC_URL: 'http://127.0.0.1:1',
      // A credential in its first form is the most tempting thing to find.
      AUTHCTL_HASH_MODE: 'deferred',
    },
  });
  await goThroughEverything();
});
afterAll(async () => {
  await appliance.stop();
  await rm(folder, { recursive: true });
});

const post = (path: string, body: unknown, token?: string) =>
  appliance.call(path, token === undefined ? { body } : { body, token });

async function goThroughEverything(): Promise<void> {
  const { password, 'new password': next, 'reset password': third } = secrets as Secrets;
  const email = newAddress();
  await appliance.call('/v1/register', {
    body: { email: newAddress(), password },
    headers: { 'Idempotency-Key': secrets['Idempotency-Key']! },
  });
  account = await createTwoFactorAccount(appliance, { email, password });
  secrets['access token'] = account.token;
  secrets['refresh token'] = account.refreshToken;
  secrets['seed'] = account.secret;
  account.recoveryCodes.forEach((code, index) => {
    secrets[`recovery code ${index}`] = code;
  });
  secrets['verification code'] = await codeFor(appliance, email, 'verify_email');

  appliance.clock.advance(30_000);
  const { flow_token } = (await logIn(appliance, { email, password })).body;
  secrets['two-factor flow'] = flow_token;
  const code = authenticatorCode(account.secret, appliance.clock.now());
  const signedIn = toAccount(await post('/v1/login/two-factor', { flow_token, code }), account);
  const refreshed = await post('/v1/token/refresh', { refresh_token: signedIn.refreshToken });
  secrets['second refresh token'] = refreshed.body.tokens.refresh_token;

  const [first, second] = account.recoveryCodes;
  const change = { current_password: password, new_password: next, recovery_code: first };
  expect((await post('/v1/me/password', change, signedIn.token)).status).toBe(204);
  const reset = await authorizeReset(appliance, email);
  secrets['reset flow'] = reset;
  secrets['reset code'] = await codeFor(appliance, email, 'reset_password');
  expect((await post('/v1/password/reset', { flow_token: reset, password: third })).status).toBe(
    200,
  );

  const again = (await logIn(appliance, { email, password: third })).body.flow_token;
  const recovered = { flow_token: again, recovery_code: second };
  const { token } = toAccount(await post('/v1/login/two-factor', recovered), account);
  const new_email = newAddress();
  const moved = { new_email, password: third, recovery_code: account.recoveryCodes[2] };
  const asked = await post('/v1/me/email', moved, token);
  expect(asked.status).toBe(202);
  secrets['change code'] = await codeFor(appliance, new_email, 'change_email');
  await makeMistakes();
}

/** Secrets in the wrong place, unreadable bodies, and a fault of ours: what ends up in logs. */
async function makeMistakes(): Promise<void> {
  const { password, 'wrong password': wrong } = secrets as Secrets;
  const { token, email } = account;
  await logIn(appliance, { email, password: wrong });
  await logIn(appliance, { email: password, password: wrong });
  await post('/v1/login', { username: password.slice(0, 20), password: [wrong] });
  await post('/v1/register', { email, password: wrong, [wrong]: wrong });
  await post('/v1/verify', { flow_token: wrong, code: wrong });
  await post('/v1/token/refresh', { refresh_token: wrong });
  await appliance.call(`/v1/${encodeURIComponent(wrong)}?password=${encodeURIComponent(wrong)}`);
  await appliance.call('/v1/me', { token: `${token}x` });
  await fetch(`${appliance.url}/v1/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: `{"email":"${email}","password":"${wrong}"`,
  });
  await appliance.sql('ALTER TABLE flows RENAME TO flows_away');
  try {
    const flow_token = secrets['reset flow'];
    const verification = { flow_token, code: secrets['reset code'] };
    expect((await post('/v1/verify', verification)).status).toBe(500);
    expect((await post('/v1/password/reset', { flow_token, password: wrong })).status).toBe(500);
  } finally {
    await appliance.sql('ALTER TABLE flows_away RENAME TO flows');
  }
}

type Secrets = Record<'password' | 'new password' | 'reset password' | 'wrong password', string>;

/** A secret in every spelling in which it could lie about. */
function spellings(secret: string): string[] {
  const forms = [secret, secret.replaceAll('-', ''), encodeURIComponent(secret)];
  const bytes: Buffer[] = [Buffer.from(secret), Buffer.from(secret.replaceAll('-', ''))];
  if (/^[A-Z2-7]{32}$/.test(secret)) bytes.push(decodeBase32(secret));
  for (const raw of bytes)
    forms.push(raw.toString('hex'), raw.toString('base64').replace(/=+$/, ''));
  return forms;
}

function findSecrets(text: string): string[] {
  const lower = text.toLowerCase();
  return Object.entries(secrets)
    .filter(([, secret]) => spellings(secret).some((form) => lower.includes(form.toLowerCase())))
    .map(([name]) => name);
}

test('the log, at its most talkative, holds none', async () => {
  appliance.core.log.flush();
  const read = () => readFile(join(folder, 'log'), 'utf8');
  await eventually('both faults are logged', async () => {
    return (await read()).split('"status":500').length === 3;
  });
  const log = await read();
  expect(log.split('\n').length).toBeGreaterThan(25);
  expect(findSecrets(log)).toEqual([]);
  expect(log).not.toContain(account.email);
});

test('the database holds none', async () => {
  await appliance.mailsTo(account.email);
  const dump = await dumpDatabase(appliance);
  expect(dump['credentials']!.length).toBeGreaterThan(0);
  const found = Object.entries(dump).flatMap(([table, rows]) =>
    findSecrets(rows.join('\n')).map((name) => `${name} in ${table}`),
  );
  expect(found).toEqual([]);
});

test('metrics hold none', async () => {
  const metrics = await appliance.api.metrics.expose();
  expect(metrics).toContain('POST /v1/login');
  expect(findSecrets(metrics)).toEqual([]);
});

test('mails hold their code in the body, in no header, and nothing else', async () => {
  const mails = await appliance.mailsTo(account.email);
  expect(mails.length).toBeGreaterThan(4);
  const found = new Set<string>();
  for (const { raw } of mails) {
    const [headers = '', ...body] = raw.split('\r\n\r\n');
    expect(findSecrets(headers)).toEqual([]);
    for (const name of findSecrets(body.join('\n'))) found.add(name);
  }
  expect([...found].sort()).toEqual(['reset code', 'verification code']);
});
