import type { AccountChange } from '../account/change.ts';
import { endFlows } from '../flow/redeem.ts';
import { lockUser } from '../user/lock.ts';

/** Ends all sessions of a user, and sign-ins that await a factor; returns how many sessions. */
export async function signOutEverywhere(
  change: AccountChange,
  reason: 'logout_all' | 'ended_by_operator',
): Promise<number> {
  // A sign-in that is being written now is waited for, and ends with the others.
  await lockUser(change.tx, change.userId);
  await endFlows(change.tx, change.userId, 'two_factor');
  const count = await change.endSessions(reason);
  await change.audit('session.ended_all', { count });
  return count;
}
