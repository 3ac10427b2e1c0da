import { type Db, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Keys } from '../key/keyring.ts';
import { counterOf } from './counter-of.ts';
import type { Counter, CounterStore } from './counter-store.ts';
import type { Rules } from './rules.ts';

/** How much mail of one type a mailbox may be sent (5 an hour, 20 a day). */
export interface MailBudget {
  /**
   * Takes one mail from a mailbox's budget; false when it is used up: the caller then answers as
   * ever and sends nothing. The refusal is audited.
   * @param type what the mailbox gets; one budget a type
   */
  take(type: string, mailbox: string, client: ClientInfo): Promise<boolean>;
}

/** The other end of `MailBudget`, for the process that sends. */
export interface MailReturns {
  /**
   * Gives back what was taken for a mail that was never sent: its reader may be sent another instead.
   * @param at when the mail was written
   */
  giveBack(type: string, mailbox: string, at: Date): Promise<void>;
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
export function createMailBudget(deps: MailBudgetDeps): MailBudget {
  const { db, clock, keys, store, rules } = deps;

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
      const now = clock.now();
      const reserved = await store.reserve(await countersOf({ keys, rules }, type, mailbox), now);
      if (!reserved.full) return true;
      await auditRefusal(type, mailbox, client, now);
      return false;
    },
  };
}

/** Takes mails off the same counters again. */
export function createMailReturns(
  deps: Pick<MailBudgetDeps, 'keys' | 'store' | 'rules'>,
): MailReturns {
  return {
    async giveBack(type, mailbox, at) {
      for (const counter of await countersOf(deps, type, mailbox))
        await deps.store.uncount(counter, at);
    },
  };
}

async function countersOf(
  { keys, rules }: Pick<MailBudgetDeps, 'keys' | 'rules'>,
  type: string,
  mailbox: string,
): Promise<[Counter, Counter]> {
  const { secret } = (await keys.ring()).code.active;
  return [
    counterOf(secret, rules.mailHour, type, mailbox),
    counterOf(secret, rules.mailDay, type, mailbox),
  ];
}
