import { statement } from '../../db/database.ts';
import { type AccountChange, byOwner, type ChangeAccount } from '../account/change.ts';
import type { Reauthenticate } from '../account/reauthenticate.ts';
import type { ClientInfo } from '../client-info.ts';
import { endFlows } from '../flow/redeem.ts';
import type { Principal } from '../session/authenticate.ts';
import type { PresentedFactor } from '../two-factor/factor.ts';
import type { UserColumns } from './view.ts';

export interface DeleteAccountDeps {
  readonly changeAccount: ChangeAccount;
  readonly reauthenticate: Reauthenticate;
}

// Sessions, credentials and factors go with their user (foreign keys). Flows, queued mail and
// remembered answers have none, as they are written for addresses without a user, too.
const DELETE_USER = statement('users.delete', 'DELETE FROM users WHERE id = $1');
const DELETE_MAILS = statement('mails.delete_of_user', 'DELETE FROM mails WHERE user_id = $1');
const DELETE_ANSWERS = statement(
  'idempotency.delete_of_user',
  'DELETE FROM idempotency_keys WHERE user_id = $1',
);

/** Deletes a user and everything held about them but the audit's record of it; the owner is told. */
export async function deleteUser(change: AccountChange, user: UserColumns): Promise<void> {
  const { tx, userId } = change;
  await change.notify(user, 'account_deleted', change.notice);
  await change.endSessions('user_deleted');
  await tx.execute(DELETE_MAILS, [userId]);
  await tx.execute(DELETE_ANSWERS, [userId]);
  await tx.execute(DELETE_USER, [userId]);
  // After the user: whoever redeems a flow locks its user first, too.
  await endFlows(tx, userId);
  await change.audit('user.deleted');
  await change.announce('user.deleted');
}

/** Lets a user delete their own account. @throws AppError those of re-authentication */
export function createDeleteAccount({ changeAccount, reauthenticate }: DeleteAccountDeps) {
  return async function deleteAccount(
    principal: Principal,
    input: { password: string } & PresentedFactor,
    client: ClientInfo,
  ): Promise<void> {
    const presented = { ...input, pointer: '/password' };
    const proof = await reauthenticate(principal.userId, presented, client);
    await changeAccount(byOwner(principal, client), async (change) => {
      await deleteUser(change, await proof.use(change.tx));
    });
  };
}
