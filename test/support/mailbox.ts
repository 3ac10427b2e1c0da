import { openMail } from '../../src/services/mail/draft.ts';
import type { CodeMailKind, MailKind } from '../../src/services/mail/kinds.ts';
import { startAppliance, type TestAppliance, type TestApplianceOptions } from './appliance.ts';
import { eventually } from './eventually.ts';
import { type ReceivedMail, type SmtpSink, startSmtpSink } from './smtp.ts';

interface MailRow extends Record<string, unknown> {
  id: string;
  kind: MailKind;
  recipient: string;
  message_id: string;
  sealed: Buffer | null;
  data_kid: string;
}

const sinks = new WeakMap<TestAppliance, SmtpSink>();

export interface MailedAppliance extends TestAppliance {
  /** Waits until every mail written so far has arrived; returns those to one mailbox, oldest first. */
  mailsTo(email: string): Promise<ReceivedMail[]>;
}

/** An appliance whose worker sends every mail to a real SMTP server, which `codeFor` then reads. */
export async function startMailedAppliance(
  options: TestApplianceOptions = {},
): Promise<MailedAppliance> {
  const sink = await startSmtpSink({ options: { disabledCommands: ['STARTTLS'] } });
  const smtpUrl = `smtp://127.0.0.1:${sink.port}`;
  const appliance = await startAppliance({
    ...options,
    env: { AUTHCTL_SMTP_URL: smtpUrl, ...options.env },
  });
  await appliance.startWorker();
  const mailed: MailedAppliance = {
    ...appliance,
    async mailsTo(email) {
      const queued = `SELECT FROM mails WHERE recipient = $1 AND status = 'queued'`;
      const isDone = async () => (await appliance.sql(queued, [email])).length === 0;
      await eventually(`every mail to ${email} has left the queue`, isDone);
      const received = sink.received.filter(({ to }) => to.includes(email));
      // Ids of mails ascend.
      return received.toSorted((a, b) => (a.mail.messageId! < b.mail.messageId! ? -1 : 1));
    },
    async stop() {
      await appliance.stop();
      await sink.close();
    },
  };
  sinks.set(mailed, sink);
  return mailed;
}

/**
 * The code last mailed to an address: from the mail as it arrived where mails are sent, else from
 * the queued row.
 */
export async function codeFor(
  appliance: TestAppliance,
  email: string,
  kind: CodeMailKind,
): Promise<string> {
  const row = (await findMails(appliance, email, kind)).at(-1);
  if (!row) throw new Error(`no ${kind} mail for ${email}`);
  const sink = sinks.get(appliance);
  if (sink) return readCode((await arrival(sink, row.message_id)).mail.text ?? '');
  if (!row.sealed) throw new Error(`the ${kind} mail for ${email} has been sent`);
  const { keys } = appliance.core;
  return (await openMail(keys, { ...row, sealed: row.sealed, kind })).code;
}

/** The kinds of mail written for an address, oldest first. */
export async function mailKinds(appliance: TestAppliance, email: string): Promise<MailKind[]> {
  return (await findMails(appliance, email)).map(({ kind }) => kind);
}

function findMails(appliance: TestAppliance, email: string, kind?: MailKind): Promise<MailRow[]> {
  return appliance.sql<MailRow>(
    `SELECT id, kind, recipient, message_id, sealed, data_kid FROM mails
     WHERE recipient = $1 AND ($2::text IS NULL OR kind = $2) ORDER BY created_at, id`,
    [email, kind ?? null],
  );
}

async function arrival(sink: SmtpSink, messageId: string): Promise<ReceivedMail> {
  const find = () => sink.received.find(({ mail }) => mail.messageId === messageId);
  await eventually(`mail ${messageId} arrives`, () => find() !== undefined);
  return find()!;
}

function readCode(text: string): string {
  const code = /^\s*([0-9A-Z]{4}-[0-9A-Z]{4})\s*$/m.exec(text)?.[1];
  if (code === undefined) throw new Error('no code stands on a line of its own');
  return code;
}
