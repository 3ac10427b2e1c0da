import { afterAll, beforeAll, expect, test } from 'vitest';
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
  const [resent, forgetful, moving, impatient] = [0, 1, 2, 3].map(() => newAddress());
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
  const dead = await appliance.sql(`SELECT FROM mails WHERE status = 'dead'`);
  expect(dead, 'nothing for an operator to worry about').toEqual([]);
});

test('codes that were never sent use up no budget: who asked for many gets the last one, and more', async () => {
  const limited = await startAppliance({
    env: {
      AUTHCTL_LIMITS: 'on',
      AUTHCTL_SMTP_URL: `smtp://127.0.0.1:${sink.port}`,
      AUTHCTL_MAIL_HOURLY: '3',
    },
  });
  const email = newAddress();
  const sent = () => sink.received.filter(({ to }) => to.includes(email)).length;
  const ask = async (path: string, body: unknown) =>
    (await limited.call(path, { body })).body.flow_token as string;
  let flow_token = await ask('/v1/register', { email, password: PASSWORD });
  for (let count = 0; count < 2; count += 1)
    flow_token = await ask('/v1/verify/resend', { flow_token });
  await limited.startWorker();
  await eventually('the last of three has come', () => sent() === 1);
  const hour = `SELECT FROM limit_counters WHERE key LIKE 'mail-hour:%' AND hits = 1`;
  await eventually('the others are given back', async () => (await limited.sql(hour)).length === 1);

  for (const which of [2, 3]) {
    flow_token = await ask('/v1/verify/resend', { flow_token });
    await eventually(`mail ${which} has come`, () => sent() === which);
  }
  await ask('/v1/verify/resend', { flow_token });
  const withheld = await limited.sql(`SELECT FROM audit WHERE action = 'mail.withheld'`);
  expect(withheld, 'three were sent in this hour').toHaveLength(1);
  await limited.stop();
});
