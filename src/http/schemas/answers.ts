import { answer, nullable, strictObject } from '../kernel/schema.ts';
import { Type } from '../kernel/typebox.ts';
import { ActorKind, Timestamp, UserStatus } from './fields.ts';

/** Response bodies. Only what is listed here leaves the server. */

export const User = answer('User', {
  id: Type.String({ description: 'UUIDv7.' }),
  email: nullable(Type.String()),
  username: nullable(Type.String()),
  phone: nullable(Type.String()),
  status: UserStatus,
  role: Type.String(),
  email_verified: Type.Boolean(),
  two_factor_enabled: Type.Boolean(),
  recovery_codes_left: Type.Integer(),
  created_at: Timestamp,
});

const Tokens = answer('Tokens', {
  token_type: Type.Literal('Bearer'),
  access_token: Type.String({ description: 'PASETO v4.public.' }),
  access_token_expires_at: Timestamp,
  refresh_token: Type.String({ description: 'Opaque; replaced at every use.' }),
  refresh_token_expires_at: Timestamp,
  session_id: Type.String(),
});

export const Registered = answer('Registered', { status: Type.Literal('registered'), user: User });

export const Authenticated = answer('Authenticated', {
  status: Type.Literal('authenticated'),
  user: User,
  tokens: Tokens,
});

export const VerificationRequired = answer('VerificationRequired', {
  status: Type.Literal('verification_required'),
  flow_token: Type.String(),
  expires_at: Timestamp,
  delivery: strictObject({
    channel: Type.Literal('email'),
    to: Type.String({ description: 'Masked.' }),
  }),
});

export const TwoFactorRequired = answer('TwoFactorRequired', {
  status: Type.Literal('two_factor_required'),
  flow_token: Type.String(),
  expires_at: Timestamp,
  methods: Type.Array(Type.Enum(['totp', 'recovery_code'])),
});

export const CodeSent = answer('CodeSent', {
  status: Type.Literal('code_sent'),
  flow_token: Type.String(),
  expires_at: Timestamp,
});

export const ResetAuthorized = answer('ResetAuthorized', {
  status: Type.Literal('reset_authorized'),
  flow_token: Type.String(),
  expires_at: Timestamp,
});

export const PasswordReset = answer('PasswordReset', {
  status: Type.Literal('password_reset'),
  sessions_revoked: Type.Integer(),
});

export const TokensAnswer = answer('TokensAnswer', { tokens: Tokens });

const Session = answer('Session', {
  id: Type.String(),
  current: Type.Boolean({ description: 'The session that asks.' }),
  device_name: nullable(Type.String()),
  user_agent: nullable(Type.String()),
  ip: nullable(Type.String()),
  created_at: Timestamp,
  last_used_at: Timestamp,
  expires_at: Timestamp,
});

export const SessionList = answer('SessionList', { sessions: Type.Array(Session) });

export const KeyList = answer('KeyList', {
  keys: Type.Array(
    answer('PublishedKey', {
      kid: Type.String({ description: 'PASERK id, as in the footer of tokens.' }),
      paserk: Type.String({ description: '`k4.public.…`: the Ed25519 key that verifies.' }),
      status: Type.Enum(['next', 'active', 'retiring']),
      not_after: nullable(Timestamp),
    }),
  ),
});

export const RecoveryCodes = answer('RecoveryCodes', {
  recovery_codes: Type.Array(Type.String(), { description: 'Ten, shown once; each works once.' }),
});

export const TotpSetup = answer('TotpSetup', {
  flow_token: Type.String(),
  expires_at: Timestamp,
  secret: Type.String({ description: 'Base32, to be typed.' }),
  otpauth_uri: Type.String(),
  qr_svg: Type.String({ description: 'The same as a QR code, an SVG image.' }),
});

/** Rows that go out as the database has them, their times as `Date`: described, and typed no further. */
function records<const P extends Type.TProperties>(properties: P) {
  return Type.Array(Type.Unsafe<Record<string, unknown>>(strictObject(properties)));
}

const Text = Type.String();

export const AccountExport = answer('AccountExport', {
  user: User,
  registration: strictObject({ ip: nullable(Text), user_agent: nullable(Text) }),
  sessions: records({
    id: Text,
    device_name: nullable(Text),
    user_agent: nullable(Text),
    ip: nullable(Text),
    amr: Type.Array(Text, { description: 'How the user signed in (RFC 8176).' }),
    created_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Timestamp,
    ended_at: nullable(Timestamp),
    end_reason: nullable(Text),
  }),
  known_networks: records({ network: Text, last_login_at: Timestamp }),
  mails: records({
    channel: Type.Enum(['mail', 'sms']),
    kind: Text,
    recipient: Text,
    status: Type.Enum(['queued', 'sent', 'dead']),
    created_at: Timestamp,
    sent_at: nullable(Timestamp),
  }),
  audit: records({
    at: Timestamp,
    action: Type.String({ description: '`area.verb`, past tense.' }),
    result: Type.Enum(['ok', 'refused']),
    actor_kind: ActorKind,
    ip: nullable(Text),
    user_agent: nullable(Text),
    detail: nullable(Type.Record(Type.String(), Type.Unknown())),
  }),
});
