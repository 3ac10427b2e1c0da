import type { Clock } from '../../lib/clock.ts';
import type { Keys } from '../key/keyring.ts';
import { counterOf } from './counter-of.ts';
import type { CounterStore, OneOrTwo } from './counter-store.ts';
import type { Rule, Rules } from './rules.ts';

/** A text message that somebody pays for, and that makes a telephone ring. */
export interface Text {
  readonly number: string;
  /** Whose notice it is; null of an account that is gone. */
  readonly userId: string | null;
  /** Notices of sign-ins, which anybody with the password can cause, use up no others. */
  readonly type: 'signed_in' | 'change';
}

/**
 * How many text messages may be sent: to one number, whoever claims it, for it may belong to somebody who
 * knows nothing of the accounts; of one account, whatever numbers it claims; and of all, as they cost.
 */
export interface TextBudget {
  /** Takes one message from the three budgets; false when one of them is used up. */
  take(text: Text): Promise<boolean>;
}

export interface TextBudgetDeps {
  readonly clock: Clock;
  readonly keys: Keys;
  readonly store: CounterStore;
  readonly rules: Rules;
}

export function createTextBudget({ clock, keys, store, rules }: TextBudgetDeps): TextBudget {
  const { smsHour, smsDay, smsTotal } = rules;

  return {
    async take({ number, userId, type }) {
      const { secret } = (await keys.ring()).code.active;
      const count = (rule: Rule, ...what: string[]) => counterOf(secret, rule, ...what);
      const reserve = async (...counters: OneOrTwo) =>
        !(await store.reserve(counters, clock.now())).full;
      if (userId !== null) {
        const account = ['account', type, userId];
        if (!(await reserve(count(smsHour, ...account), count(smsDay, ...account)))) return false;
      }
      const telephone = ['number', type, number];
      if (!(await reserve(count(smsHour, ...telephone), count(smsDay, ...telephone)))) return false;
      return reserve(count(smsTotal, 'all'));
    },
  };
}
