import { uuidv7 } from '../../crypto/random.ts';
import { open, seal } from '../../crypto/seal.ts';
import { type Queryable, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Keys } from '../key/keyring.ts';
import { isCode, type MailData, type MailKind } from './kinds.ts';

/** A mail's row: written in the transaction of what it announces, sent by the worker. */
export interface MailDraft {
  readonly id: string;
  readonly kind: MailKind;
  readonly userId: string | null;
  readonly recipient: string;
  /** What the template needs, sealed: it may hold a code. Erased once sent. */
  readonly sealed: Buffer;
  readonly dataKid: string;
  /** One per mail whatever the number of tries, so that a receiver can drop a duplicate. */
  readonly messageId: string;
  readonly createdAt: Date;
  /** When it takes its place in the queue: a code's before it was written, for somebody waits for it. */
  readonly dueAt: Date;
}

/** How long a notice must have waited to go before a code that has just been asked for. */
const HEAD_START_MS = 300_000;

/** The columns that a new mail is written with; `mailValues` has their order. */
export const MAIL_COLUMNS = `id, kind, user_id, recipient, sealed, data_kid, message_id, created_at,
  next_attempt_at`;

const INSERT = statement(
  'mails.insert',
  `INSERT INTO mails (${MAIL_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
);

// To the number the account has now, of one whose mailbox is proved.
const INSERT_TEXT = statement(
  'mails.insert_text',
  `INSERT INTO mails (${MAIL_COLUMNS}, channel)
   SELECT $1, $2, $3, u.phone, $4, $5, $6, $7, $7, 'sms' FROM users AS u
   WHERE u.id = $8 AND u.phone IS NOT NULL AND u.status <> 'pending'`,
);

export type MailQueue = ReturnType<typeof createMailQueue>;

interface NewMail<Kind extends MailKind> {
  readonly kind: Kind;
  readonly userId: string | null;
  readonly recipient: string;
  readonly data: MailData[Kind];
}

export interface MailQueueDeps {
  readonly clock: Clock;
  readonly keys: Keys;
  /** The right-hand side of Message-IDs. */
  readonly messageDomain: string;
  /** Whether there is a gateway for text messages. */
  readonly hasTexts: boolean;
}

/** Writes messages to send. */
export function createMailQueue(deps: MailQueueDeps) {
  const { clock, keys, messageDomain, hasTexts } = deps;

  async function draft<Kind extends MailKind>(mail: NewMail<Kind>): Promise<MailDraft> {
    const createdAt = clock.now();
    const id = uuidv7(createdAt.getTime());
    const key = (await keys.ring()).data.active;
    const headStartMs = isCode(mail.kind) ? HEAD_START_MS : 0;
    return {
      id,
      kind: mail.kind,
      userId: mail.userId,
      recipient: mail.recipient,
      sealed: seal(key.secret, Buffer.from(JSON.stringify(mail.data)), mailAad(id)),
      dataKid: key.kid,
      messageId: `<${id}@${messageDomain}>`,
      createdAt,
      dueAt: new Date(createdAt.getTime() - headStartMs),
    };
  }

  return {
    draft,
    hasTexts,
    /** Queues one mail. `recipient` must come from the database, never from the request. */
    async enqueue<Kind extends MailKind>(on: Queryable, mail: NewMail<Kind>): Promise<void> {
      await on.execute(INSERT, mailValues(await draft(mail)));
    },

    /**
     * Queues a text message to a user's telephone, where there is one.
     * @param userId whose telephone
     */
    async enqueueText<Kind extends MailKind>(
      on: Queryable,
      userId: string,
      text: Omit<NewMail<Kind>, 'recipient'>,
    ): Promise<void> {
      if (!hasTexts) return;
      const row = await draft({ ...text, recipient: '' });
      await on.execute(INSERT_TEXT, [
        row.id,
        row.kind,
        row.userId,
        row.sealed,
        row.dataKid,
        row.messageId,
        row.createdAt,
        userId,
      ]);
    },
  };
}

/** A mail's values, in the order of `MAIL_COLUMNS`. */
export function mailValues(row: MailDraft): unknown[] {
  return [
    row.id,
    row.kind,
    row.userId,
    row.recipient,
    row.sealed,
    row.dataKid,
    row.messageId,
    row.createdAt,
    row.dueAt,
  ];
}

/** Opens what the template needs; throws when the row is not the one that was sealed. */
export async function openMail<Kind extends MailKind>(
  keys: Keys,
  row: { id: string; sealed: Buffer; data_kid: string; kind: Kind },
): Promise<MailData[Kind]> {
  const key = (await keys.having('data', row.data_kid)).byKid.get(row.data_kid);
  if (!key) throw new Error(`mail ${row.id} is sealed by a key that is gone`);
  return JSON.parse(open(key, row.sealed, mailAad(row.id)).toString('utf8')) as MailData[Kind];
}

function mailAad(id: string): Buffer {
  return Buffer.from(`authctl/mail/v1\0${id}`);
}
