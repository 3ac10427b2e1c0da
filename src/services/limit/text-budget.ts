import type { Clock } from '../../lib/clock.ts';
import type { Keys } from '../key/keyring.ts';
import { counterOf } from './counter-of.ts';
import type { CounterStore } from './counter-store.ts';
import type { Rules } from './rules.ts';

/**
 * How many text messages a telephone may be sent (5 an hour, 10 a day), whoever claims its number: it
 * belongs to somebody who may know nothing of the accounts.
 */
export interface TextBudget {
  /** Takes one message from a number's budget; false when it is used up. */
  take(number: string): Promise<boolean>;
}

export interface TextBudgetDeps {
  readonly clock: Clock;
  readonly keys: Keys;
  readonly store: CounterStore;
  readonly rules: Rules;
}

export function createTextBudget({ clock, keys, store, rules }: TextBudgetDeps): TextBudget {
  return {
    async take(number) {
      const { secret } = (await keys.ring()).code.active;
      const { full } = await store.reserve(
        [counterOf(secret, rules.smsHour, number), counterOf(secret, rules.smsDay, number)],
        clock.now(),
      );
      return !full;
    },
  };
}
