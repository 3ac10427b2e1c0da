import { type Queryable, statement } from '../../db/database.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Events } from '../event/events.ts';
import { endFlows } from '../flow/redeem.ts';
import type { MailQueue } from '../mail/draft.ts';
import { endSessions } from '../session/end.ts';
import { USER_COLUMNS, type UserColumns } from './view.ts';

const MARK_PROVED = statement(
  'users.mark_mailbox_proved',
  `UPDATE users AS u
   SET status = 'active', email_verified_at = $2, updated_at = $2, version = u.version + 1,
       security_version = u.security_version + 1
   WHERE u.id = $1 AND u.status IN ('pending', 'active')
   RETURNING ${USER_COLUMNS}`,
);
const REMOVE_TOTP = statement('totps.remove', 'DELETE FROM totps WHERE user_id = $1');
const REMOVE_RECOVERY_CODES = statement(
  'recovery_codes.remove',
  'DELETE FROM recovery_codes WHERE user_id = $1',
);

export interface ProveMailboxDeps {
  readonly events: Events;
  readonly mails: MailQueue;
}

/**
 * Records that a user's mailbox is proved. The first proof of a never-verified address ends whatever
 * was set up before it: somebody else may have registered it to wait for its owner.
 * @returns the user as they are afterwards
 */
export async function proveMailbox(
  tx: Queryable,
  { events, mails }: ProveMailboxDeps,
  proof: { user: UserColumns; client: ClientInfo; at: Date },
): Promise<UserColumns> {
  const { user, client, at } = proof;
  if (user.email_verified_at !== null && user.status === 'active') return user;
  await endSessions(tx, events, { userId: user.id, at, reason: 'email_verified' });
  await endFlows(tx, user.id);
  await tx.execute(REMOVE_TOTP, [user.id]);
  await tx.execute(REMOVE_RECOVERY_CODES, [user.id]);
  const proved = (await tx.query<UserColumns>(MARK_PROVED, [user.id, at]))[0]!;
  await recordAudit(tx, {
    at,
    action: 'user.verified',
    actor: clientActor(client, user.id),
    userId: user.id,
  });
  await events.record(tx, { type: 'user.verified', userId: user.id });
  await mails.enqueue(tx, { kind: 'welcome', userId: user.id, recipient: user.email!, data: {} });
  return { ...proved, two_factor_enabled: false, recovery_codes_left: 0 };
}
