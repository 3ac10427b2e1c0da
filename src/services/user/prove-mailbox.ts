import { type Queryable, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Actor } from '../audit/actor.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Events } from '../event/events.ts';
import { endFlows } from '../flow/redeem.ts';
import type { MailQueue } from '../mail/draft.ts';
import { notifyOwner } from '../mail/notice.ts';
import { type IdentityPolicy, isUsernameUnique } from '../registration/identity.ts';
import { endSessions } from '../session/end.ts';
import { removeFactors } from '../two-factor/remove.ts';
import { claimUsername } from './claim-username.ts';
import { USER_COLUMNS, type UserColumns } from './view.ts';

const MARK_PROVED = statement(
  'users.mark_mailbox_proved',
  `UPDATE users AS u
   SET status = 'active', email_verified_at = COALESCE(u.email_verified_at, $2), updated_at = $2,
       version = u.version + 1, security_version = u.security_version + 1
   WHERE u.id = $1 AND u.status IN ('pending', 'active')
   RETURNING ${USER_COLUMNS}`,
);
// The exemption from the wider sign-in budget is the owner's, not of whoever waited for them.
const FORGET_NETWORKS = statement(
  'known_networks.forget',
  'DELETE FROM known_networks WHERE user_id = $1',
);

// Whoever set it would be told what concerns the owner's security.
const FORGET_PHONE = statement(
  'users.forget_phone',
  'UPDATE users SET phone = NULL WHERE id = $1 AND phone IS NOT NULL',
);

export interface ProveMailboxDeps {
  readonly events: Events;
  readonly mails: MailQueue;
  readonly identities: IdentityPolicy;
}

export interface MailboxProof {
  /** As they are afterwards. */
  readonly user: UserColumns;
  /** Whether nobody had proved this mailbox before. */
  readonly isFirst: boolean;
  /** Sessions that ended with it. */
  readonly ended: readonly string[];
}

/**
 * Records that a user's mailbox is proved. The first proof of a never-verified address ends whatever
 * was set up before it, for somebody else may have registered it to wait for its owner, and makes the
 * username theirs. Later proofs leave the second factor alone, for a mailbox is none.
 * @param proof.user locked by the caller
 * @param proof.isRegistrant whether they have also shown the password that the address was registered with
 */
export async function proveMailbox(
  tx: Queryable,
  { events, mails, identities }: ProveMailboxDeps,
  proof: { user: UserColumns; client: ClientInfo; at: Date; isRegistrant: boolean },
): Promise<MailboxProof> {
  const { user, client, at, isRegistrant } = proof;
  const actor = clientActor(client, user.id);
  const isFirst = user.email_verified_at === null;
  if (!isFirst && user.status === 'active') return { user, isFirst, ended: [] };

  const ended = await endSessions(tx, events, { userId: user.id, at, reason: 'email_verified' });
  await endFlows(tx, user.id);
  if (isFirst) {
    await removeFactors(tx, user.id);
    await tx.execute(FORGET_NETWORKS, [user.id]);
    if (isUsernameUnique(identities)) await claimUsername(tx, events, user);
    if (!isRegistrant) await forgetPhone(tx, events, { userId: user.id, actor, at });
  }
  const proved = (await tx.query<UserColumns>(MARK_PROVED, [user.id, at]))[0];
  if (!proved) throw new AppError('flow_expired');
  await recordAudit(tx, { at, action: 'user.verified', actor, userId: user.id });
  await events.record(tx, { type: 'user.verified', userId: user.id });
  if (isFirst) await notifyOwner(tx, mails, proved, 'welcome', {});
  return { user: proved, isFirst, ended };
}

async function forgetPhone(
  tx: Queryable,
  events: Events,
  { userId, actor, at }: { userId: string; actor: Actor; at: Date },
): Promise<void> {
  if ((await tx.execute(FORGET_PHONE, [userId])) === 0) return;
  const fields = ['phone'];
  await recordAudit(tx, { at, action: 'user.updated', actor, userId, detail: { fields } });
  await events.record(tx, { type: 'user.updated', userId, payload: { fields } });
}
