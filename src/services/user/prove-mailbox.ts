import { statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { AccountChange } from '../account/change.ts';
import { endFlows } from '../flow/redeem.ts';
import { type IdentityPolicy, isUsernameUnique } from '../registration/identity.ts';
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

export interface MailboxProof {
  /** As they are afterwards. */
  readonly user: UserColumns;
  /** Whether nobody had proved this mailbox before. */
  readonly isFirst: boolean;
}

/**
 * Records that a user's mailbox is proved. The first proof of a never-verified address ends whatever
 * was set up before it, for somebody else may have registered it to wait for its owner, and makes the
 * username theirs. Later proofs leave the second factor alone, for a mailbox is none.
 * @param proof.user locked by the caller
 * @param proof.isRegistrant whether they have also shown the password that the address was registered with
 */
export async function proveMailbox(
  change: AccountChange,
  identities: IdentityPolicy,
  { user, isRegistrant }: { user: UserColumns; isRegistrant: boolean },
): Promise<MailboxProof> {
  const { tx, userId, at } = change;
  const isFirst = user.email_verified_at === null;
  if (!isFirst && user.status === 'active') return { user, isFirst };

  await change.endSessions('email_verified');
  await endFlows(tx, userId);
  if (isFirst) {
    await removeFactors(tx, userId);
    await tx.execute(FORGET_NETWORKS, [userId]);
    if (isUsernameUnique(identities)) await claimUsername(change, user);
    if (!isRegistrant) await forgetPhone(change);
  }
  const proved = (await tx.query<UserColumns>(MARK_PROVED, [userId, at]))[0];
  if (!proved) throw new AppError('flow_expired');
  await change.audit('user.verified');
  await change.announce('user.verified');
  if (isFirst) await change.notify(proved, 'welcome', {});
  return { user: proved, isFirst };
}

async function forgetPhone(change: AccountChange): Promise<void> {
  if ((await change.tx.execute(FORGET_PHONE, [change.userId])) === 0) return;
  const fields = ['phone'];
  await change.audit('user.updated', { fields });
  await change.announce('user.updated', { fields });
}
