import { type Db, type Queryable, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Reauthenticate } from '../account/reauthenticate.ts';
import type { Actor } from '../audit/actor.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Events } from '../event/events.ts';
import { endFlows } from '../flow/redeem.ts';
import type { MailQueue } from '../mail/draft.ts';
import { noticeOf, notifyLeaver } from '../mail/notice.ts';
import type { Authenticator, Principal } from '../session/authenticate.ts';
import { endSessions } from '../session/end.ts';
import type { PresentedFactor } from '../two-factor/factor.ts';
import type { Wake } from '../wake.ts';

export interface DeleteAccountDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly reauthenticate: Reauthenticate;
  readonly authenticator: Authenticator;
  readonly events: Events;
  readonly mails: MailQueue;
  readonly wakeMail: Wake;
}

// Sessions, credentials and factors go with their user (foreign keys). Flows, queued mail and
// remembered answers have none, as they are written for addresses without a user, too.
const DELETE_USER = statement('users.delete', 'DELETE FROM users WHERE id = $1');
const DELETE_MAILS = statement('mails.delete_of_user', 'DELETE FROM mails WHERE user_id = $1');
const DELETE_ANSWERS = statement(
  'idempotency.delete_of_user',
  'DELETE FROM idempotency_keys WHERE user_id = $1',
);

/**
 * Deletes a user and everything held about them but the audit's record of it, in the caller's
 * transaction.
 * @returns the ids of the sessions that ended
 */
export async function deleteUser(
  tx: Queryable,
  events: Events,
  deletion: { userId: string; actor: Actor; at: Date },
): Promise<string[]> {
  const { userId, actor, at } = deletion;
  const ended = await endSessions(tx, events, { userId, at, reason: 'user_deleted' });
  await tx.execute(DELETE_MAILS, [userId]);
  await tx.execute(DELETE_ANSWERS, [userId]);
  await tx.execute(DELETE_USER, [userId]);
  // After the user: whoever redeems a flow locks its user first, too.
  await endFlows(tx, userId);
  await recordAudit(tx, { at, action: 'user.deleted', actor, userId });
  await events.record(tx, { type: 'user.deleted', userId });
  return ended;
}

/** Lets a user delete their own account. @throws AppError those of re-authentication */
export function createDeleteAccount(deps: DeleteAccountDeps) {
  const { db, clock, reauthenticate, authenticator, events, mails, wakeMail } = deps;

  return async function deleteAccount(
    { userId }: Principal,
    input: { password: string } & PresentedFactor,
    client: ClientInfo,
  ): Promise<void> {
    const proof = await reauthenticate(userId, { ...input, pointer: '/password' }, client);
    const { user } = proof.account;
    const at = clock.now();
    const ended = await db.transaction(async (tx) => {
      await proof.use(tx);
      await notifyLeaver(tx, mails, user, noticeOf(client, at));
      return deleteUser(tx, events, {
        userId,
        actor: clientActor(client, userId),
        at,
      });
    });
    ended.forEach(authenticator.forget);
    wakeMail.soon();
  };
}
