import { type Db, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Keys } from '../key/keyring.ts';
import { counterOf } from './counter-of.ts';
import type { Counter, CounterStore, Hit } from './counter-store.ts';
import { rateLimited } from './rate-limited.ts';
import { type Rule, type Rules, registrationRule } from './rules.ts';

/**
 * One guess at a secret, counted before it is checked: any number of parallel guesses therefore
 * cannot exceed a limit. It is settled once, by what the check found.
 */
export interface Attempt {
  /** The guess was right: a pair's failures are forgotten, other budgets get this one back. */
  succeed(): Promise<void>;
  /** The guess was wrong: it stays counted. */
  fail(): Promise<void>;
  /** The guess was never checked (overload, a fault): it is given back. */
  release(): Promise<void>;
}

/** The limiter's layers (see `docs/limits.md`). Each throws `rate_limited` when used up. */
export interface Limits {
  /**
   * Layer 1 of sign-in: identifier and client network, and the wider budget per identifier, which
   * does not apply to networks the account has signed in from.
   * @param identifier as it is looked up, canonical; of an account or of nobody, at the same price
   */
  beginLogin(identifier: string, client: ClientInfo): Promise<Attempt>;
  /** Forgets what an identifier failed from one network: its owner just proved more, by a reset. */
  clearLogin(identifier: string, client: ClientInfo): Promise<void>;
  /** Layer 1 of forgot-password: requests for one address from one network. */
  takeForgot(identifier: string, client: ClientInfo): Promise<void>;
  /** Layer 1 of a flow's routes other than its code: calls with one flow token. */
  takeFlow(flowDigest: Buffer): Promise<void>;
  /** Layer 2: wrong factors and failed re-authentications of one user, across sessions and flows. */
  beginFactor(userId: string): Promise<Attempt>;
  /** Registrations from one client network; does nothing unless the operator switched it on. */
  takeRegistration(client: ClientInfo): Promise<void>;
}

export interface LimitsDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly store: CounterStore;
  readonly rules: Rules;
  /** A network keeps an account's trust this long after its last sign-in from there. */
  readonly knownForMs: number;
  /** Registrations of one client network a minute; 0: no limit. */
  readonly registrationsPerMinute: number;
}

const IS_KNOWN = statement(
  'known_networks.is_known',
  `SELECT 1 FROM users AS u JOIN known_networks AS k ON k.user_id = u.id
   WHERE (u.email = $1 OR u.username_key = $1) AND k.network = $2 AND k.last_login_at > $3`,
);

/** The layers over one store of counters. */
export function createLimits(deps: LimitsDeps): Limits {
  const { db, clock, keys, store, rules, knownForMs, registrationsPerMinute } = deps;

  async function countersFor(): Promise<(rule: Rule, ...what: string[]) => Counter> {
    const { secret } = (await keys.ring()).code.active;
    return (rule, ...what) => counterOf(secret, rule, ...what);
  }

  async function take(rule: Rule, ...what: string[]): Promise<Hit> {
    const toCounter = await countersFor();
    const now = clock.now();
    const reserved = await store.reserve([toCounter(rule, ...what)], now);
    if (reserved.full) throw rateLimited(rule, reserved.until, now);
    return reserved.hits[0]!;
  }

  async function isKnown(identifier: string, network: string, now: Date): Promise<boolean> {
    const since = new Date(now.getTime() - knownForMs);
    return (await db.query(IS_KNOWN, [identifier, network, since])).length > 0;
  }

  return {
    async beginLogin(identifier, { network }) {
      const toCounter = await countersFor();
      const now = clock.now();
      const pair = toCounter(rules.login, network, identifier);
      const everywhere = toCounter(rules.loginEverywhere, identifier);
      let reserved = await store.reserve([pair, everywhere], now);
      // Asked only when it matters: the wider budget is used up by guesses from anywhere.
      if (reserved.full === everywhere && (await isKnown(identifier, network, now)))
        reserved = await store.reserve([pair], now);
      if (reserved.full) throw rateLimited(reserved.full.rule, reserved.until, now);

      const [pairHit, everywhereHit] = reserved.hits;
      return {
        async succeed() {
          await Promise.all([store.clear(pair), everywhereHit?.giveBack()]);
        },
        fail: stayCounted,
        async release() {
          await Promise.all([pairHit?.giveBack(), everywhereHit?.giveBack()]);
        },
      };
    },

    async clearLogin(identifier, { network }) {
      const toCounter = await countersFor();
      await store.clear(toCounter(rules.login, network, identifier));
    },

    async takeForgot(identifier, { network }) {
      await take(rules.forgot, network, identifier);
    },

    async takeFlow(flowDigest) {
      await take(rules.flow, flowDigest.toString('hex'));
    },

    async beginFactor(userId) {
      const { giveBack } = await take(rules.factor, userId);
      return { succeed: giveBack, fail: stayCounted, release: giveBack };
    },

    async takeRegistration({ network }) {
      if (registrationsPerMinute === 0) return;
      await take(registrationRule(registrationsPerMinute), network);
    },
  };
}

/** What was counted before the check needs no second write to be a failure. */
async function stayCounted(): Promise<void> {}
