import { statement } from '../../../db/database.ts';
import { AppError } from '../../../errors.ts';
import { type AccountChange, byOperator, type ChangeAccount } from '../../account/change.ts';
import type { Actor } from '../../audit/actor.ts';
import { endFlows } from '../../flow/redeem.ts';
import { type IdentityPolicy, isUsernameUnique } from '../../registration/identity.ts';
import { readUsername } from '../profile-fields.ts';
import { refuseTaken } from '../refuse-taken.ts';
import type { UserColumns, UserStatus } from '../view.ts';
import { type LockedUser, readLockedUser } from './read-locked.ts';
import { checkRole } from './role.ts';

export interface ChangeUserDeps {
  readonly changeAccount: ChangeAccount;
  readonly identities: IdentityPolicy;
}

/**
 * What an operator may set. `active` lifts a lock: an account that never proved its mailbox is
 * `pending` again, which only the mailbox ends.
 */
export type SettableStatus = Exclude<UserStatus, 'pending'>;

/** Fields to set; undefined leaves one as it is, null removes it. */
export interface UserChange {
  readonly status?: SettableStatus | undefined;
  readonly role?: string | undefined;
  readonly username?: string | null | undefined;
}

export interface ChangeOptions {
  /** Refuses when the user has none of these now; null or absent: any version. */
  readonly versions?: readonly number[] | null;
  /** Refuses unless the user has one of these statuses. */
  readonly from?: readonly UserStatus[];
}

const UPDATE = statement(
  'users.admin_update',
  `UPDATE users SET status = $2, status_before = $3, role = $4, username = $5,
     username_key = CASE WHEN $6 THEN $7 ELSE username_key END, updated_at = $8,
     version = version + 1, security_version = security_version + CASE WHEN $9 THEN 1 ELSE 0 END
   WHERE id = $1`,
);

const STATUS_ACTIONS = {
  // Released, and still to prove the mailbox.
  pending: 'user.activated',
  active: 'user.activated',
  locked: 'user.locked',
  disabled: 'user.disabled',
} as const satisfies Record<UserStatus, string>;

/**
 * Changes status, role or username. A change of status or role ends every session and flow of the
 * user, so that it holds on every node within a second and new tokens say the new role.
 * @throws AppError `not_found`, `precondition_failed`, `conflict` (`from`), `username_taken`,
 *   `validation_failed`
 */
export function createChangeUser({ changeAccount, identities }: ChangeUserDeps) {
  return async function changeUser(
    actor: Actor,
    userId: string,
    wanted: UserChange,
    options: ChangeOptions = {},
  ): Promise<void> {
    if (wanted.role !== undefined) checkRole(wanted.role);
    const username = readUsername(wanted.username, identities);

    const update = changeAccount(byOperator(actor, userId), async (change) => {
      const { tx } = change;
      const before = await readLockedUser(tx, userId, options.versions ?? null);
      checkFrom(before, options.from);
      if (username === null && isUsernameUnique(identities) && before.email === null)
        throw new AppError('conflict', { text: 'This account is known by its username only.' });
      const after = {
        status: statusAfter(before, wanted.status),
        role: wanted.role ?? before.role,
        username: username === undefined ? before.username : (username?.display ?? null),
      };
      const fields = (['status', 'role', 'username'] as const).filter(
        (field) => after[field] !== before[field],
      );
      if (fields.length === 0) return;
      const isSecurity = fields.includes('status') || fields.includes('role');
      const isKeyed = username !== undefined;
      const key = username?.key ?? null;
      const { status, role } = after;
      const kept = isHeld(status) ? unheldStatus(before) : null;
      const values = [status, kept, role, after.username, isKeyed, key, change.at, isSecurity];
      await tx.execute(UPDATE, [userId, ...values]);
      await record(change, { before, after, fields });
      if (!isSecurity) return;
      await endFlows(tx, userId);
      await change.endSessions(fields.includes('status') ? 'status_changed' : 'role_changed');
    });
    await update.catch(refuseTaken);
  };
}

async function record(
  change: AccountChange,
  what: {
    before: UserColumns;
    after: Pick<UserColumns, 'status' | 'role' | 'username'>;
    fields: readonly ('status' | 'role' | 'username')[];
  },
): Promise<void> {
  const { before, after, fields } = what;
  for (const field of fields) {
    // A username is personal data: the record says that it changed, not to what.
    const detail =
      field === 'username' ? { fields: [field] } : { from: before[field], to: after[field] };
    await change.audit(actionOf(field, after.status), detail);
  }
  const { status, role } = after;
  await change.announce('user.updated', { fields, status, role });
}

function isHeld(status: UserStatus): boolean {
  return status === 'locked' || status === 'disabled';
}

/** What an account is when nobody holds it; one that was imported as locked is taken for active. */
function unheldStatus({ status, status_before }: LockedUser): UserStatus {
  return isHeld(status) ? (status_before ?? 'active') : status;
}

function statusAfter(before: LockedUser, wanted: SettableStatus | undefined): UserStatus {
  if (wanted === undefined) return before.status;
  return wanted === 'active' ? unheldStatus(before) : wanted;
}

function actionOf(field: 'status' | 'role' | 'username', status: UserStatus): string {
  if (field === 'role') return 'user.role_changed';
  if (field === 'username') return 'user.updated';
  return STATUS_ACTIONS[status];
}

function checkFrom({ id, status }: UserColumns, from: readonly UserStatus[] | undefined): void {
  if (from === undefined || from.includes(status)) return;
  const release = status === 'locked' ? 'unlock' : 'enable';
  const hint = `authctl users ${release} ${id}`;
  throw new AppError('conflict', { text: `This account is ${status}.`, hint });
}
