import type { Scope } from '../lib/lifecycle.ts';
import { createWake, type Wake, type WakeChannel } from '../services/wake.ts';
import type { Core } from './core.ts';

/** Opens the way to wake workers; what is still due is sent when the scope ends. */
export function openWake(
  { db, log }: Pick<Core, 'db' | 'log'>,
  scope: Scope,
  channel: WakeChannel,
): Wake {
  return scope.own(`wake-ups on ${channel}`, createWake(db, channel, log), (wake) => wake.flush());
}
