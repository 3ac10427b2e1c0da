import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAccount, newAddress } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { maskAnswer } from '../support/mask-answer.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp.ts';

/** Asks for a code for a known and an unknown address; the answers must be given and be alike. */
async function askForBoth(appliance: TestAppliance, known: string): Promise<void> {
  const [first, second] = await Promise.all(
    [known, newAddress()].map((email) =>
      appliance.call('/v1/password/forgot', { body: { email } }),
    ),
  );
  expect(first).toMatchObject({ status: 202, body: { status: 'code_sent' } });
  expect(maskAnswer(second!)).toEqual(maskAnswer(first!));
}

function countUnsent(appliance: TestAppliance, email: string): Promise<unknown[]> {
  return appliance.sql(
    `SELECT 1 FROM mails WHERE recipient = $1 AND kind = 'reset_password' AND status = 'queued'`,
    [email],
  );
}

describe('while the mail server takes its time', () => {
  let sink: SmtpSink;
  let appliance: TestAppliance;
  let greet: () => void = () => undefined;
  const isGreeting = new Promise<void>((resolve) => {
    greet = resolve;
  });

  beforeAll(async () => {
    sink = await startSmtpSink({
      options: {
        disabledCommands: ['STARTTLS'],
        onConnect: (_, done) => void isGreeting.then(() => done()),
      },
    });
    appliance = await startAppliance({
      env: { AUTHCTL_SMTP_URL: `smtp://127.0.0.1:${sink.port}` },
    });
  });
  afterAll(async () => {
    greet();
    await appliance.stop();
    await sink.close();
  });

  test('known and unknown addresses are answered, and alike, before a mail is; it arrives later', async () => {
    const { email } = await createAccount(appliance);
    await appliance.startWorker();
    await askForBoth(appliance, email);
    expect(sink.received).toEqual([]);
    expect(await countUnsent(appliance, email)).toHaveLength(1);
    greet();
    await eventually('the mail arrives', () => sink.received.some(({ to }) => to[0] === email));
  });
});

describe('while the mail server is down', () => {
  let appliance: TestAppliance;

  beforeAll(async () => {
    const sink = await startSmtpSink();
    await sink.close();
    appliance = await startAppliance({
      env: { AUTHCTL_SMTP_URL: `smtp://127.0.0.1:${sink.port}` },
    });
  });
  afterAll(() => appliance.stop());

  test('known and unknown addresses are answered, and alike; the mail is kept', async () => {
    const { email } = await createAccount(appliance);
    await appliance.startWorker();
    await askForBoth(appliance, email);
    await eventually('sending has failed', async () => {
      const tried = await appliance.sql('SELECT 1 FROM mails WHERE attempts > 0');
      return tried.length > 0;
    });
    await askForBoth(appliance, email);
    expect((await countUnsent(appliance, email)).length).toBeGreaterThan(0);
  });
});
