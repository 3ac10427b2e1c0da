/** What a user's row looks like wherever it is read whole. */
export interface UserColumns {
  id: string;
  email: string | null;
  username: string | null;
  phone: string | null;
  status: UserStatus;
  role: string;
  email_verified_at: Date | null;
  version: number;
  security_version: number;
  created_at: Date;
  two_factor_enabled: boolean;
  recovery_codes_left: number;
}

export const USER_STATUSES = ['pending', 'active', 'locked', 'disabled'] as const;
export type UserStatus = (typeof USER_STATUSES)[number];

/** The `user` object of the API. */
export interface UserView {
  readonly id: string;
  readonly email: string | null;
  readonly username: string | null;
  readonly phone: string | null;
  readonly status: UserStatus;
  readonly role: string;
  readonly email_verified: boolean;
  readonly two_factor_enabled: boolean;
  readonly recovery_codes_left: number;
  readonly created_at: string;
}

/**
 * The select list behind `UserColumns`, for a statement whose FROM has `users AS u`.
 * @param id whose factors are looked for, as SQL: another than `u.id` where there may be no user
 */
export const userColumns = (id: string) => `u.id, u.email, u.username, u.phone, u.status, u.role,
  u.email_verified_at, u.version, u.security_version, u.created_at,
  EXISTS (SELECT 1 FROM totps t WHERE t.user_id = ${id}) AS two_factor_enabled,
  (SELECT count(*) FROM recovery_codes r WHERE r.user_id = ${id} AND r.used_at IS NULL)::int
    AS recovery_codes_left`;
export const USER_COLUMNS = userColumns('u.id');

/** A row as its user sees it: nothing that guards the account. */
export function presentUser(row: UserColumns): UserView {
  return {
    id: row.id,
    email: row.email,
    username: row.username,
    phone: row.phone,
    status: row.status,
    role: row.role,
    email_verified: row.email_verified_at !== null,
    two_factor_enabled: row.two_factor_enabled,
    recovery_codes_left: row.recovery_codes_left,
    created_at: row.created_at.toISOString(),
  };
}
