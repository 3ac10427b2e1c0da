import type { MailData } from '../kinds.ts';

const NOTICE = {
  at: '2026-11-22T06:34:00.000Z',
  ip: '203.0.113.7',
  userAgent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0',
};
const CODE = { code: 'K7MP-X4QT', expiresInMinutes: 10 };

/** Made-up data for a look at each mail. */
export const SAMPLES: MailData = {
  verify_email: CODE,
  address_taken: {},
  reset_password: CODE,
  password_was_reset: NOTICE,
  password_changed: NOTICE,
  change_email: CODE,
  email_changed: { ...NOTICE, newAddress: 'n•••@example.org' },
  phone_changed: NOTICE,
  two_factor_enabled: NOTICE,
  two_factor_disabled: NOTICE,
  two_factor_reset: { at: NOTICE.at },
  recovery_codes_regenerated: NOTICE,
  recovery_code_used: { ...NOTICE, left: 4 },
  signed_in: NOTICE,
  welcome: {},
  account_deleted: NOTICE,
  test: {},
};
