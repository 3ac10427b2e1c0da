import { isUuid } from '../../crypto/random.ts';
import { type Db, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Actor } from '../audit/actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { Channel, MailKind } from './kinds.ts';

export type MailStatus = 'queued' | 'sent' | 'dead';

/** A mail or text message as operators see it: its way, never its content. */
export interface MailRecord {
  readonly id: string;
  readonly channel: Channel;
  readonly kind: MailKind;
  readonly status: MailStatus;
  readonly user_id: string | null;
  readonly recipient: string;
  readonly message_id: string;
  readonly attempts: number;
  readonly created_at: Date;
  /** Null once sent or given up. */
  readonly next_attempt_at: Date | null;
  readonly sent_at: Date | null;
  readonly last_error: string | null;
}

export interface MailFilter {
  readonly status?: MailStatus | undefined;
  readonly channel?: Channel | undefined;
  readonly kind?: MailKind | undefined;
  /** A canonical address or number. */
  readonly recipient?: string | undefined;
  readonly userId?: string | undefined;
  readonly limit: number;
}

const COLUMNS = `id, channel, kind, status, user_id, recipient, message_id, attempts, created_at,
  CASE WHEN status = 'queued' THEN greatest(next_attempt_at, created_at) END AS next_attempt_at, sent_at, last_error`;

const LIST = statement(
  'mails.list',
  `SELECT ${COLUMNS} FROM mails
   WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR kind = $2)
     AND ($3::text IS NULL OR recipient = $3) AND ($4::uuid IS NULL OR user_id = $4)
     AND ($5::text IS NULL OR channel = $5)
   ORDER BY id DESC LIMIT $6`,
);
const FIND = statement('mails.find', `SELECT ${COLUMNS} FROM mails WHERE id = $1`);
const RETRY = statement(
  'mails.retry',
  `UPDATE mails SET status = 'queued', attempts = 0, next_attempt_at = $3, last_error = NULL
   WHERE status = 'dead' AND sealed IS NOT NULL AND ($1::uuid IS NULL OR id = $1)
     AND ($2::text IS NULL OR channel = $2)
   RETURNING id`,
);

export type MailRecords = ReturnType<typeof createMailRecords>;

/** What operators ask about mails, and the one thing they can do: have a dead one tried again. */
export function createMailRecords({ db, clock }: { db: Db; clock: Clock }) {
  async function retry(
    { id, channel }: { id?: string; channel?: Channel | undefined },
    actor: Actor,
  ): Promise<string[]> {
    const now = clock.now();
    return db.transaction(async (tx) => {
      const rows = await tx.query<{ id: string }>(RETRY, [id ?? null, channel ?? null, now]);
      const mailIds = rows.map((row) => row.id);
      if (mailIds.length > 0)
        await recordAudit(tx, {
          at: now,
          action: 'mail.retried',
          actor,
          detail: { mail_ids: mailIds },
        });
      return mailIds;
    });
  }

  async function get(id: string): Promise<MailRecord> {
    const [mail] = isUuid(id) ? await db.query<MailRecord>(FIND, [id]) : [];
    if (!mail) throw noSuchMail(id);
    return mail;
  }

  return {
    get,

    /** The newest mails first. */
    async list(filter: MailFilter): Promise<MailRecord[]> {
      const { status, kind, recipient, userId, channel, limit } = filter;
      if (userId !== undefined && !isUuid(userId)) return [];
      const wanted = [status, kind, recipient, userId, channel].map((value) => value ?? null);
      return db.query<MailRecord>(LIST, [...wanted, limit]);
    },

    /**
     * Queues a mail that was given up again, with all its tries.
     * @throws AppError `not_found`; `conflict` when it is not dead or has no content any more
     */
    async retry(id: string, actor: Actor): Promise<void> {
      const { status } = await get(id);
      if ((await retry({ id }, actor)).length === 1) return;
      throw new AppError('conflict', {
        text:
          status === 'dead'
            ? 'Its code has expired; the user has to ask for a new one.'
            : `It is ${status}, not dead.`,
      });
    },

    /**
     * Queues every mail that was given up and still has its content.
     * @param channel only mails, or only text messages
     * @returns their ids
     */
    retryAll: (actor: Actor, channel?: Channel) => retry({ channel }, actor),
  };
}

function noSuchMail(id: string): AppError {
  return new AppError('not_found', {
    text: `There is no mail ${id}.`,
    hint: 'authctl mail list shows the ids',
  });
}
