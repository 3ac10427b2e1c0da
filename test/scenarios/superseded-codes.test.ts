import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAccount, newAddress, PASSWORD } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { codeFor } from '../support/mailbox.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp.ts';

let sink: SmtpSink;
let appliance: TestAppliance;

beforeAll(async () => {
  sink = await startSmtpSink({ options: { disabledCommands: ['STARTTLS'] } });
  appliance = await startAppliance({
    env: { AUTHCTL_SMTP_URL: `smtp://127.0.0.1:${sink.port}` },
  });
});
afterAll(async () => {
  await appliance.stop();
  await sink.close();
});

const post = (path: string, body: unknown, token?: string) =>
  appliance.call(path, { body, ...(token === undefined ? {} : { token }) });

/** What a mailbox got, once everything that was queued has left the queue. */
async function arrivals(email: string): Promise<string[]> {
  const isEmpty = async () =>
    (await appliance.sql(`SELECT FROM mails WHERE status = 'queued'`)).length === 0;
  await eventually('the queue is empty', isEmpty);
  return sink.received.filter(({ to }) => to.includes(email)).map(({ mail }) => mail.text ?? '');
}

test('of codes that wait for the mail server, only those go out that still work', async () => {
  const [resent, forgetful, moving, impatient, guessed] = [0, 1, 2, 3, 4].map(() => newAddress());
  const account = await createAccount(appliance, { email: forgetful! });
  const mover = await createAccount(appliance);
  await appliance.sql('DELETE FROM mails');

  let flow_token = '';
  ({ flow_token } = (await post('/v1/register', { email: resent, password: PASSWORD })).body);
  for (let count = 0; count < 3; count += 1)
    ({ flow_token } = (await post('/v1/verify/resend', { flow_token })).body);
  const last = await codeFor(appliance, resent!, 'verify_email');

  for (let count = 0; count < 3; count += 1)
    await post('/v1/password/forgot', { email: account.email });

  const dead = (await post('/v1/register', { email: guessed, password: PASSWORD })).body.flow_token;
  for (let count = 0; count < 5; count += 1)
    await post('/v1/verify', { flow_token: dead, code: 'AAAA-AAAA' });

  for (const new_email of [impatient, moving])
    await post('/v1/me/email', { new_email, password: PASSWORD }, mover.token);

  await appliance.startWorker();
  const [mail, ...more] = await arrivals(resent!);
  expect(more).toEqual([]);
  expect(mail).toContain(last);
  expect((await post('/v1/verify', { flow_token, code: last })).status).toBe(200);

  expect(await arrivals(account.email)).toHaveLength(1);
  expect(await arrivals(impatient!)).toEqual([]);
  expect(await arrivals(moving!)).toHaveLength(1);
  expect(await arrivals(guessed!), 'five guesses were made at it').toEqual([]);
  const failed = await appliance.sql(`SELECT FROM mails WHERE status = 'dead'`);
  expect(failed, 'nothing for an operator to worry about').toEqual([]);
});

test('asking until the budget is used up tells nobody whether an address has an account', async () => {
  const limited = await startAppliance({
    env: {
      AUTHCTL_LIMITS: 'on',
      AUTHCTL_SMTP_URL: `smtp://127.0.0.1:${sink.port}`,
      AUTHCTL_MAIL_HOURLY: '3',
    },
  });
  const { email: known } = await createAccount(limited);
  const addresses = [known, newAddress()];
  const ask = async (email: string) =>
    (await limited.call('/v1/password/forgot', { body: { email } })).body.flow_token as string;
  const last: string[] = [];
  for (const email of addresses) {
    await ask(email);
    await ask(email);
    last.push(await ask(email));
  }
  await limited.startWorker();
  await eventually(
    'the queue is empty',
    async () => (await limited.sql(`SELECT FROM mails WHERE status = 'queued'`)).length === 0,
  );
  // One beyond the budget ends no flow that was begun within it.
  for (const email of addresses) await ask(email);
  const answers = last.map(async (flow_token) => {
    const body = { flow_token, code: 'AAAA-AAAA' };
    return (await limited.call('/v1/password/forgot/verify', { body })).body.code;
  });
  expect(await Promise.all(answers)).toEqual(['invalid_code', 'invalid_code']);
  await limited.stop();
});

describe('a resend beyond the budget sends no code, so the last one goes on', () => {
  let limited: TestAppliance;
  beforeAll(async () => {
    limited = await startAppliance({
      env: {
        AUTHCTL_LIMITS: 'on',
        AUTHCTL_IP_HASH_BURST: '1000',
        AUTHCTL_SMTP_URL: `smtp://127.0.0.1:${sink.port}`,
        AUTHCTL_MAIL_HOURLY: '2',
      },
    });
  });
  afterAll(() => limited.stop());

  const call = (path: string, body: unknown) => limited.call(path, { body });

  async function resendTwice(first: string): Promise<{ mailed: string; kept: string }> {
    const mailed = (await call('/v1/verify/resend', { flow_token: first })).body.flow_token;
    const kept = (await call('/v1/verify/resend', { flow_token: mailed })).body.flow_token;
    return { mailed, kept };
  }

  test('under the new token alone', async () => {
    const email = newAddress();
    const registered = await call('/v1/register', { email, password: PASSWORD });
    const { mailed, kept } = await resendTwice(registered.body.flow_token);
    const code = await codeFor(limited, email, 'verify_email');
    const verify = async (flow_token: string) =>
      (await call('/v1/verify', { flow_token, code })).body;
    expect((await verify(mailed)).code).toBe('flow_expired');
    expect((await verify(kept)).status).toBe('authenticated');
    expect((await verify(kept)).code).toBe('flow_expired');
  });

  test('for the time that its mail says, however often another is asked for', async () => {
    const { email } = await createAccount(limited);
    const asked = await call('/v1/password/forgot', { email });
    const { kept } = await resendTwice(asked.body.flow_token);
    const code = await codeFor(limited, email, 'reset_password');
    limited.clock.advance(6 * 60_000);
    const again = await call('/v1/verify/resend', { flow_token: kept });
    limited.clock.advance(6 * 60_000);
    const body = { flow_token: again.body.flow_token, code };
    expect((await call('/v1/password/forgot/verify', body)).body.code).toBe('invalid_code');
  });

  test.each(['an owner’s', 'nobody’s'])('with the tries it has left: %s', async (whose) => {
    const email = whose === 'nobody’s' ? newAddress() : (await createAccount(limited)).email;
    const asked = await call('/v1/password/forgot', { email });
    let { flow_token } = asked.body;
    const guess = async () =>
      (await call('/v1/password/forgot/verify', { flow_token, code: 'AAAA-AAAA' })).body.code;
    const resend = async () =>
      ({ flow_token } = (await call('/v1/verify/resend', { flow_token })).body);
    await resend();
    for (let tries = 0; tries < 3; tries += 1) expect(await guess()).toBe('invalid_code');
    await resend();
    expect([await guess(), await guess(), await guess()]).toEqual([
      'invalid_code',
      'invalid_code',
      'flow_expired',
    ]);
  });

  // Last: from here on a worker takes the mails away.
  test('of a forgotten password, too, and it still goes out when the mail server was away', async () => {
    const { email } = await createAccount(limited);
    await limited.sql('DELETE FROM mails');
    const asked = await call('/v1/password/forgot', { email });
    const { kept } = await resendTwice(asked.body.flow_token);
    const code = await codeFor(limited, email, 'reset_password');
    await limited.startWorker();
    const sent = () => sink.received.filter(({ to }) => to.includes(email));
    await eventually('it has come', () => sent().length === 1);
    expect(sent()[0]!.mail.text).toContain(code);
    const verified = await call('/v1/password/forgot/verify', { flow_token: kept, code });
    expect(verified.body.status).toBe('reset_authorized');
  });
});
