import type { Prisma } from '../../../db/generated/client.ts';
import type { UserStatus, UserView } from '../view.ts';

/** How a password is kept: `none` fits, `parked` ones no worker could harden, `imported` ones await a first sign-in. */
export type PasswordState = 'none' | 'pending' | 'parked' | 'imported' | 'hardened';

/** A user as operators see them: what users see of themselves, and how the account stands. */
export interface AdminUser extends UserView {
  readonly email_verified_at: string | null;
  readonly updated_at: string;
  /** For `If-Match`. */
  readonly version: number;
  readonly password: PasswordState;
  readonly active_sessions: number;
  readonly registered_ip: string | null;
  readonly registered_user_agent: string | null;
}

/** What is read of a user; of the secrets that guard the account, only that they are there. */
export function selectAdminUser(now: Date) {
  return {
    id: true,
    email: true,
    username: true,
    phone: true,
    status: true,
    role: true,
    emailVerifiedAt: true,
    version: true,
    createdAt: true,
    updatedAt: true,
    createdIp: true,
    createdAgent: true,
    totp: { select: { userId: true } },
    credential: { select: { pendingSince: true, parkedAt: true, pepperKid: true, salt: true } },
    _count: {
      select: {
        recoveryCodes: { where: { usedAt: null } },
        sessions: { where: { endedAt: null, expiresAt: { gt: now } } },
      },
    },
  } as const satisfies Prisma.UserSelect;
}

type Row = Prisma.UserGetPayload<{ select: ReturnType<typeof selectAdminUser> }>;

export function presentAdminUser(row: Row): AdminUser {
  return {
    id: row.id,
    email: row.email,
    username: row.username,
    phone: row.phone,
    // A CHECK constraint holds the column to these.
    status: row.status as UserStatus,
    role: row.role,
    email_verified: row.emailVerifiedAt !== null,
    two_factor_enabled: row.totp !== null,
    recovery_codes_left: row._count.recoveryCodes,
    created_at: row.createdAt.toISOString(),
    email_verified_at: row.emailVerifiedAt?.toISOString() ?? null,
    updated_at: row.updatedAt.toISOString(),
    version: row.version,
    password: passwordState(row.credential),
    active_sessions: row._count.sessions,
    registered_ip: row.createdIp,
    registered_user_agent: row.createdAgent,
  };
}

function passwordState(credential: Row['credential']): PasswordState {
  if (credential === null) return 'none';
  if (credential.parkedAt !== null) return 'parked';
  if (credential.pendingSince !== null) return 'pending';
  if (credential.pepperKid === null) return 'imported';
  // What was imported without a password, or whose password was discarded: see `StoredCredential`.
  return credential.salt === null ? 'none' : 'hardened';
}
