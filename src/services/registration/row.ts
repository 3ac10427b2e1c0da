import type { NewCredential } from '../credential/stored.ts';
import type { EventDraft } from '../event/events.ts';
import type { FlowDraft } from '../flow/draft.ts';
import type { MailDraft } from '../mail/draft.ts';
import type { SessionDraft } from '../session/issue.ts';
import type { UserStatus } from '../user/view.ts';

/** One registration, ready to be written: whatever must exist with the user travels in its row. */
export interface RegistrationRow {
  readonly id: string;
  readonly email: string | null;
  readonly username: string | null;
  readonly usernameKey: string | null;
  readonly phone: string | null;
  readonly status: UserStatus;
  readonly createdAt: Date;
  readonly ip: string;
  readonly userAgent: string | null;
  readonly requestId: string;
  readonly credential: NewCredential;
  /** With an `Idempotency-Key`: its digest, the body's fingerprint, the sealed first answer. */
  readonly idempotency?: {
    readonly digest: Buffer;
    readonly fingerprint: Buffer;
    readonly sealed: Buffer;
    readonly expiresAt: Date;
  };
  /** Written in any case: bound to the new user, or a decoy where the address was taken. */
  readonly flow?: FlowDraft;
  /** Sent to the new user only. */
  readonly codeMail?: MailDraft;
  /** Sent to the owner of the address where it was taken. */
  readonly takenMail?: MailDraft;
  readonly session?: SessionDraft;
  readonly event?: EventDraft;
}
