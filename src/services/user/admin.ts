import type { Db } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ChangeAccount } from '../account/change.ts';
import type { DomainDirectory } from '../domain/directory.ts';
import type { Events } from '../event/events.ts';
import type { PasswordTools } from '../password/tools.ts';
import type { IdentityPolicy } from '../registration/identity.ts';
import { createChangeUser } from './admin/change.ts';
import { createCreateUser } from './admin/create.ts';
import { createFindUsers } from './admin/find.ts';
import { createRemoveUser } from './admin/remove.ts';
import { createResetTwoFactor } from './admin/reset-two-factor.ts';
import { createUserSessions } from './admin/sessions.ts';
import { createSetPassword } from './admin/set-password.ts';

export interface UserAdminDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly identities: IdentityPolicy;
  readonly domains: DomainDirectory;
  readonly events: Events;
  readonly changeAccount: ChangeAccount;
  /** Asked for only where a password is set. */
  readonly passwordTools: () => Promise<PasswordTools>;
  /** Tells this process at once; every node finds out within its own bound. */
  readonly forgetSession: (sessionId: string) => void;
}

export type UserAdmin = ReturnType<typeof createUserAdmin>;

/**
 * What operators do with accounts. Each change is one transaction with its audit record, its event
 * and the mail to the owner.
 */
export function createUserAdmin(deps: UserAdminDeps) {
  return {
    ...createFindUsers(deps),
    create: createCreateUser(deps),
    setPassword: createSetPassword(deps),
    change: createChangeUser(deps),
    resetTwoFactor: createResetTwoFactor(deps),
    remove: createRemoveUser(deps),
    sessions: createUserSessions(deps),
  };
}
