import type { AdminUser } from '../services/user/admin/view.ts';
import { formatTable } from './format.ts';

export function formatUsers(users: readonly AdminUser[]): string {
  return formatTable(
    ['ID', 'E-MAIL', 'USERNAME', 'STATUS', 'ROLE', '2FA', 'CREATED'],
    users.map((user) => [
      user.id,
      user.email,
      user.username,
      user.status,
      user.role,
      user.two_factor_enabled ? 'on' : 'off',
      user.created_at,
    ]),
  );
}

export function formatUser(user: AdminUser): string {
  const twoFactor = user.two_factor_enabled
    ? `on, ${user.recovery_codes_left} recovery codes left`
    : 'off';
  return formatTable(
    ['', ''],
    [
      ['id', user.id],
      ['e-mail', user.email],
      ['verified', user.email_verified_at],
      ['username', user.username],
      ['phone', user.phone],
      ['status', user.status],
      ['role', user.role],
      ['two-factor', twoFactor],
      ['password', user.password],
      ['sessions', user.active_sessions],
      ['created', user.created_at],
      ['from', user.registered_ip],
      ['with', user.registered_user_agent],
      ['changed', user.updated_at],
      ['version', user.version],
    ],
  );
}

/** What people call a user. */
export function nameOf({ email, username, id }: AdminUser): string {
  return email ?? username ?? id;
}
