import type { Db } from '../../../db/database.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Actor } from '../../audit/actor.ts';
import type { Events } from '../../event/events.ts';
import type { MailQueue } from '../../mail/draft.ts';
import { notifyLeaver } from '../../mail/notice.ts';
import type { Wake } from '../../wake.ts';
import { deleteUser } from '../delete.ts';
import { readLockedUser } from './read-locked.ts';

export interface RemoveUserDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly events: Events;
  readonly mails: MailQueue;
  readonly wakeMail: Wake;
  readonly forgetSession: (sessionId: string) => void;
}

/**
 * Deletes a user with everything held about them; the audit's record of it stays, the owner is told.
 * @param versions refuses when the user has none of these now; null: any version
 * @throws AppError `not_found`, `precondition_failed`
 */
export function createRemoveUser(deps: RemoveUserDeps) {
  const { db, clock, events, mails } = deps;

  return async function removeUser(
    actor: Actor,
    userId: string,
    versions: readonly number[] | null = null,
  ): Promise<void> {
    const at = clock.now();
    const ended = await db.transaction(async (tx) => {
      const user = await readLockedUser(tx, userId, versions);
      await notifyLeaver(tx, mails, user, { at: at.toISOString() });
      return deleteUser(tx, events, { userId, actor, at });
    });
    ended.forEach(deps.forgetSession);
    deps.wakeMail.soon();
  };
}
