/** Every message the product sends, with what its template needs. */
export interface MailData {
  /** The code that proves a new account's mailbox, or one that an unverified user signs in from. */
  readonly verify_email: { readonly code: string; readonly expiresInMinutes: number };
  /** Somebody tried to register an address that has an account. */
  readonly address_taken: Readonly<Record<string, never>>;
  /** The code that lets a forgotten password be set anew. */
  readonly reset_password: { readonly code: string; readonly expiresInMinutes: number };
  readonly password_was_reset: Notice;
  readonly password_changed: Notice;
  /** The code that proves the new mailbox of an e-mail change. */
  readonly change_email: { readonly code: string; readonly expiresInMinutes: number };
  /** To the old address, when an account's e-mail has changed; the new one is masked. */
  readonly email_changed: Notice & { readonly newAddress: string };
  readonly two_factor_enabled: Notice;
  readonly two_factor_disabled: Notice;
  readonly two_factor_reset: Notice;
  readonly recovery_codes_regenerated: Notice;
  readonly recovery_code_used: Notice & { readonly left: number };
  readonly welcome: Readonly<Record<string, never>>;
  readonly account_deleted: Notice;
}

/** When and from where something was done to an account. */
export interface Notice {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly ip?: string | undefined;
  readonly userAgent?: string | undefined;
}

export type MailKind = keyof MailData;
