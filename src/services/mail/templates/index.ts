import type { MailData, MailKind } from '../kinds.ts';
import { accountDeleted } from './account-deleted.ts';
import { addressTaken } from './address-taken.ts';
import { changeEmail } from './change-email.ts';
import { emailChanged } from './email-changed.ts';
import type { Template } from './letter.ts';
import { passwordChanged } from './password-changed.ts';
import { passwordWasReset } from './password-was-reset.ts';
import { phoneChanged } from './phone-changed.ts';
import { recoveryCodeUsed } from './recovery-code-used.ts';
import { recoveryCodesRegenerated } from './recovery-codes-regenerated.ts';
import { resetPassword } from './reset-password.ts';
import { signedIn } from './signed-in.ts';
import { test } from './test.ts';
import { twoFactorDisabled } from './two-factor-disabled.ts';
import { twoFactorEnabled } from './two-factor-enabled.ts';
import { twoFactorReset } from './two-factor-reset.ts';
import { verifyEmail } from './verify-email.ts';
import { welcome } from './welcome.ts';

/** The template of every kind; one that is missing does not compile. */
export const TEMPLATES: { readonly [Kind in MailKind]: Template<MailData[Kind]> } = {
  verify_email: verifyEmail,
  address_taken: addressTaken,
  reset_password: resetPassword,
  password_was_reset: passwordWasReset,
  password_changed: passwordChanged,
  change_email: changeEmail,
  email_changed: emailChanged,
  phone_changed: phoneChanged,
  two_factor_enabled: twoFactorEnabled,
  two_factor_disabled: twoFactorDisabled,
  two_factor_reset: twoFactorReset,
  recovery_codes_regenerated: recoveryCodesRegenerated,
  recovery_code_used: recoveryCodeUsed,
  signed_in: signedIn,
  welcome,
  account_deleted: accountDeleted,
  test,
};

/** Every kind, in the order of the table. */
export const MAIL_KINDS = Object.keys(TEMPLATES) as readonly MailKind[];
