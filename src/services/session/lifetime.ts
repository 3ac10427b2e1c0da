import type { Config } from '../../../config/index.ts';

/** How long sessions live. */
export interface SessionLifetime {
  /** From the sign-in on: refreshing never extends it. */
  readonly totalMs: number;
  /** From the sign-in or the last refresh on, within that. */
  readonly idleMs: number;
}

export function sessionLifetimeOf(config: Pick<Config, 'refresh' | 'session'>): SessionLifetime {
  const totalMs = config.refresh.ttlMs;
  return { totalMs, idleMs: config.session.idleMs || totalMs };
}
