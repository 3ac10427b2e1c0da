import { ACTOR_KINDS } from '../../services/audit/actor.ts';
import { USER_STATUSES } from '../../services/user/view.ts';
import { Type } from '../kernel/typebox.ts';

/** Request fields, each declared once. Lengths are generous bounds; the rule is in the services. */

export const Email = Type.String({ maxLength: 320, description: 'An e-mail address.' });
export const Username = Type.String({
  maxLength: 64,
  description: '3 to 32 letters, digits, `.`, `_`, `-`.',
});
export const Phone = Type.String({ maxLength: 32, description: 'E.164, such as `+41791234567`.' });
/** One that is to be checked: the rules for new ones say nothing about it. */
export const Password = Type.String({
  maxLength: 16_384,
  description: 'The present password, exactly as typed.',
});
export const NewPassword = Type.String({
  maxLength: 16_384,
  description:
    'At least 8 characters (`password.min_length`), at most 256 and 1,024 bytes; exactly as typed.',
});
export const DeviceName = Type.String({
  minLength: 1,
  maxLength: 100,
  description: 'What the user calls this device; shown in the list of sessions.',
});
/** Whatever is sent as a token or a code and fits into a body: only a wrong one, counted like any other. */
const ANY_TEXT = 16_384;
export const FlowToken = Type.String({
  maxLength: ANY_TEXT,
  description: 'The token of the step before.',
});
export const RefreshTokenText = Type.String({ maxLength: ANY_TEXT });
export const MailedCode = Type.String({
  maxLength: ANY_TEXT,
  description: 'The mailed code, in any case, with or without hyphen.',
});
export const AuthenticatorCode = Type.String({
  maxLength: ANY_TEXT,
  description: 'The six digits that the authenticator app shows; each works once.',
});
/** Beside a password, where it takes a factor. */
export const FactorCode = Type.String({
  maxLength: ANY_TEXT,
  description:
    'Where two-factor is on: the six digits that the authenticator app shows, or a `recovery_code` instead.',
});
export const RecoveryCodeText = Type.String({
  maxLength: ANY_TEXT,
  description: 'One of the recovery codes, in any case, with or without hyphens; each works once.',
});
export const UserStatus = Type.Enum(USER_STATUSES);
/** A UUID as we write it. */
export const UUID_PATTERN = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
export const Uuid = Type.String({ pattern: UUID_PATTERN });
export const Timestamp = Type.String({ format: 'date-time', description: 'ISO 8601, UTC.' });
export const ActorKind = Type.Enum(ACTOR_KINDS, { description: 'Who acted.' });
