import { type Db, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Keys } from '../key/keyring.ts';
import { counterOf } from './counter-of.ts';
import type { CounterStore } from './counter-store.ts';
import type { Rules } from './rules.ts';

/**
 * How much mail of one type a mailbox may be sent (5 an hour, 20 a day). What was asked for counts, sent or
 * not: whether it was sent depends on whose mailbox it is, and a request beyond the budget shows, for it ends
 * no flow that was begun before.
 */
export interface MailBudget {
  /**
   * Takes one mail from a mailbox's budget; false when it is used up: the caller then answers as
   * ever and sends nothing. The refusal is audited.
   * @param type what the mailbox gets; one budget a type
   */
  take(type: string, mailbox: string, client: ClientInfo): Promise<boolean>;
}

export interface MailBudgetDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly store: CounterStore;
  readonly rules: Rules;
}

// One row whoever owns it, or nobody: to read one for some and none for others would differ in time.
const FIND_OWNER = statement(
  'mail_budget.find_owner',
  `SELECT u.id FROM (VALUES ($1)) AS asked (email) LEFT JOIN users AS u ON u.email = asked.email`,
);

/** Counts mails by mailbox, known or not, under a keyed name. */
export function createMailBudget({ db, clock, keys, store, rules }: MailBudgetDeps): MailBudget {
  /** By the owner's id, as the audit holds no addresses; nobody's mailbox is recorded without one. */
  async function auditRefusal(
    type: string,
    mailbox: string,
    client: ClientInfo,
    at: Date,
  ): Promise<void> {
    const [owner] = await db.query<{ id: string | null }>(FIND_OWNER, [mailbox]);
    await recordAudit(db, {
      at,
      action: 'mail.withheld',
      actor: clientActor(client),
      result: 'refused',
      userId: owner?.id ?? undefined,
      detail: { type },
    });
  }

  return {
    async take(type, mailbox, client) {
      const { secret } = (await keys.ring()).code.active;
      const now = clock.now();
      const reserved = await store.reserve(
        [
          counterOf(secret, rules.mailHour, type, mailbox),
          counterOf(secret, rules.mailDay, type, mailbox),
        ],
        now,
      );
      if (!reserved.full) return true;
      await auditRefusal(type, mailbox, client, now);
      return false;
    },
  };
}
