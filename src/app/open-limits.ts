import type { Scope } from '../lib/lifecycle.ts';
import { createLimits, type Limits } from '../services/limit/limits.ts';
import { createMailBudget, type MailBudget } from '../services/limit/mail-budget.ts';
import { createNoLimits } from '../services/limit/no-limits.ts';
import { openCounterStore } from '../services/limit/open-counter-store.ts';
import { createRules } from '../services/limit/rules.ts';
import type { Core } from './core.ts';

/** Opens the limiter layers over the configured store. */
export async function openLimits(
  core: Core,
  scope: Scope,
): Promise<{ limits: Limits; mailBudget: MailBudget }> {
  const { config, db, clock, keys, log } = core;
  if (config.limits === 'off') return createNoLimits();
  const { url, timeoutMs } = config.valkey;
  const valkey = url ? { url: url.reveal(), timeoutMs } : null;
  const opened = await openCounterStore({ db, clock, log, valkey });
  const store = scope.own('limit counters', opened, (counters) => counters.close());
  const deps = { db, clock, keys, store, rules: createRules(config) };
  return {
    limits: createLimits({
      ...deps,
      knownForMs: config.login.knownNetworkTtlMs,
      registrationsPerMinute: config.registration.rate,
    }),
    mailBudget: createMailBudget(deps),
  };
}
