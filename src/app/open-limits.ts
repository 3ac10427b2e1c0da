import type { Scope } from '../lib/lifecycle.ts';
import type { CounterStore } from '../services/limit/counter-store.ts';
import { createLimits, type Limits } from '../services/limit/limits.ts';
import { createMailBudget, type MailBudget } from '../services/limit/mail-budget.ts';
import { createNoLimits } from '../services/limit/no-limits.ts';
import { openCounterStore } from '../services/limit/open-counter-store.ts';
import { createRules } from '../services/limit/rules.ts';
import { createTextBudget, type TextBudget } from '../services/limit/text-budget.ts';
import type { Core } from './core.ts';

/** Opens the limiter layers over the configured store. */
export async function openLimits(
  core: Core,
  scope: Scope,
): Promise<{ limits: Limits; mailBudget: MailBudget }> {
  const { config, db, clock, keys } = core;
  if (config.limits === 'off') return createNoLimits();
  const store = await openStore(core, scope);
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

/** Opens the budget of telephones over the same store, for the process that sends. */
export async function openTextBudget(core: Core, scope: Scope): Promise<TextBudget> {
  const { config, clock, keys } = core;
  if (config.limits === 'off') return { take: async () => true };
  const store = await openStore(core, scope);
  return createTextBudget({ clock, keys, store, rules: createRules(config) });
}

async function openStore({ config, db, clock, log }: Core, scope: Scope): Promise<CounterStore> {
  const { url, timeoutMs } = config.valkey;
  const valkey = url ? { url: url.reveal(), timeoutMs } : null;
  const opened = await openCounterStore({ db, clock, log, valkey });
  return scope.own('limit counters', opened, (counters) => counters.close());
}
