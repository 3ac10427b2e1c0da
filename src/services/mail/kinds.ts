/** Every message the product sends, with what its template needs. */
export interface MailData {
  /** The code that proves a new account's mailbox, or one that an unverified user signs in from. */
  readonly verify_email: Code;
  /** Somebody tried to register an address that has an account. */
  readonly address_taken: Nothing;
  /** The code that lets a forgotten password be set anew. */
  readonly reset_password: Code;
  readonly password_was_reset: Notice;
  readonly password_changed: Notice;
  /** The code that proves the new mailbox of an e-mail change. */
  readonly change_email: Code;
  /** To both addresses, when an account's e-mail has changed; the new one is masked. */
  readonly email_changed: Notice & { readonly newAddress: string };
  /** Where text messages are sent: to the mailbox and the number there was. */
  readonly phone_changed: Notice;
  readonly two_factor_enabled: Notice;
  readonly two_factor_disabled: Notice;
  /** An operator has switched two-factor sign-in off for a user who lost the device. */
  readonly two_factor_reset: Notice;
  readonly recovery_codes_regenerated: Notice;
  readonly recovery_code_used: Notice & { readonly left: number };
  /** Somebody signed in (`mail.sign_in_notice`). */
  readonly signed_in: Notice;
  readonly welcome: Nothing;
  readonly account_deleted: Notice;
  /** What `authctl mail test` sends. */
  readonly test: Nothing;
}

/** A code its reader types within a time. */
export interface Code {
  /** As it is shown: `XXXX-XXXX`. */
  readonly code: string;
  readonly expiresInMinutes: number;
  /** The digest of the flow's token, base64url: once that flow is over, the mail is not sent. */
  readonly flow?: string;
}

/** When and from where something was done to an account. */
export interface Notice {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly ip?: string | undefined;
  readonly userAgent?: string | undefined;
}

type Nothing = Readonly<Record<string, never>>;

export type MailKind = keyof MailData;

/** How a message travels. What follows of mails holds for text messages, too, which share their queue. */
export type Channel = 'mail' | 'sms';

const SECURITY_NOTICES: readonly MailKind[] = [
  'password_was_reset',
  'password_changed',
  'email_changed',
  'phone_changed',
  'two_factor_enabled',
  'two_factor_disabled',
  'two_factor_reset',
  'recovery_codes_regenerated',
  'recovery_code_used',
  'signed_in',
  'account_deleted',
];

/** What an owner must hear of even where the mailbox has fallen into other hands: also by text message. */
export function isSecurityNotice(kind: MailKind): boolean {
  return SECURITY_NOTICES.includes(kind);
}

/** The mails that hold a code. */
const CODE_MAILS = ['verify_email', 'reset_password', 'change_email'] as const;
export type CodeMailKind = (typeof CODE_MAILS)[number];

export function isCode(kind: MailKind): boolean {
  return (CODE_MAILS as readonly MailKind[]).includes(kind);
}
