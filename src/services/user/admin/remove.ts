import { byOperator, type ChangeAccount } from '../../account/change.ts';
import type { Actor } from '../../audit/actor.ts';
import { deleteUser } from '../delete.ts';
import { readLockedUser } from './read-locked.ts';

/**
 * Deletes a user with everything held about them; the audit's record of it stays, the owner is told.
 * @param versions refuses when the user has none of these now; null: any version
 * @throws AppError `not_found`, `precondition_failed`
 */
export function createRemoveUser({ changeAccount }: { changeAccount: ChangeAccount }) {
  return async function removeUser(
    actor: Actor,
    userId: string,
    versions: readonly number[] | null = null,
  ): Promise<void> {
    await changeAccount(byOperator(actor, userId), async (change) => {
      await deleteUser(change, await readLockedUser(change.tx, userId, versions));
    });
  };
}
