import { KEY_KINDS } from '../../services/key/kinds.ts';
import { SCOPES } from '../../services/operator/scopes.ts';
import { answer, nullable, strictObject } from '../kernel/schema.ts';
import { Type } from '../kernel/typebox.ts';
import { User } from './answers.ts';
import { ActorKind, Timestamp, UUID_PATTERN } from './fields.ts';

/** Bodies and fields of the management API. Only what is listed here leaves the server. */

export const Role = Type.String({
  maxLength: 32,
  description: 'Lower-case letters, digits, hyphens and underscores; travels in access tokens.',
});
export const Cursor = Type.String({
  pattern: UUID_PATTERN,
  description: '`next_cursor` of the page before.',
});
export const DEFAULT_PAGE_LIMIT = 50;
export const PageLimit = Type.Integer({
  minimum: 1,
  maximum: 200,
  default: DEFAULT_PAGE_LIMIT,
});
export const DateTime = Type.String({
  pattern: '^(?!0000)\\d{4}-\\d\\d-\\d\\d(T\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,3})?)?Z)?$',
  description: 'A day, or a time in UTC: `2026-11-22`, `2026-11-22T06:00:00Z`.',
});

export const AdminUser = answer('AdminUser', {
  ...User.properties,
  email_verified_at: nullable(Timestamp),
  updated_at: Timestamp,
  version: Type.Integer({ description: 'For `If-Match`.' }),
  password: Type.Enum(['none', 'pending', 'parked', 'imported', 'hardened'], {
    description:
      'How the password is kept: none that fits, or one; a parked one has to be set anew.',
  }),
  active_sessions: Type.Integer(),
  registered_ip: nullable(Type.String()),
  registered_user_agent: nullable(Type.String()),
});

export const AdminUserList = answer('AdminUserList', {
  users: Type.Array(AdminUser),
  next_cursor: nullable(Type.String({ description: 'null on the last page.' })),
});

const GeneratedPassword = nullable(
  Type.String({ description: 'The password that was drawn, shown once; null if you brought one.' }),
);

export const CreatedUser = answer('CreatedUser', {
  user: AdminUser,
  generated_password: GeneratedPassword,
});

export const PasswordSet = answer('PasswordSet', {
  generated_password: GeneratedPassword,
  sessions_ended: Type.Integer(),
});

export const SessionsEnded = answer('SessionsEnded', { sessions_ended: Type.Integer() });

export const AdminSessionList = answer('AdminSessionList', {
  sessions: Type.Array(
    answer('AdminSession', {
      id: Type.String(),
      device_name: nullable(Type.String()),
      user_agent: nullable(Type.String()),
      ip: nullable(Type.String()),
      amr: Type.Array(Type.String(), { description: 'How the user signed in (RFC 8176).' }),
      created_at: Timestamp,
      last_used_at: Timestamp,
      expires_at: Timestamp,
    }),
  ),
});

export const Verification = Type.Enum(['none', 'email_code']);

export const AdminDomain = answer('AdminDomain', {
  name: Type.String(),
  status: Type.Enum(['pending', 'verified']),
  verification: Verification,
  record: strictObject(
    { name: Type.String(), value: Type.String() },
    { description: 'The TXT record that proves ownership.' },
  ),
  verified_by: nullable(Type.String()),
  verified_at: nullable(Timestamp),
  created_at: Timestamp,
});

export const AdminDomainList = answer('AdminDomainList', { domains: Type.Array(AdminDomain) });

export const AdminKeyList = answer('AdminKeyList', {
  keys: Type.Array(
    answer('AdminKey', {
      kid: Type.String(),
      kind: Type.Enum(KEY_KINDS),
      status: Type.Enum(['next', 'active', 'retiring', 'retired']),
      master_kid: Type.String({ description: 'The master key that seals it.' }),
      created_at: Timestamp,
      activated_at: nullable(Timestamp),
      not_after: nullable(Timestamp),
      retired_at: nullable(Timestamp),
      uses: nullable(
        Type.Integer({ description: 'How much still needs it, while it is being replaced.' }),
      ),
    }),
  ),
});

const WasDryRun = Type.Boolean({
  description: 'true: this would happen, and nothing was changed.',
});
export const RotatedKey = answer('RotatedKey', {
  kind: Type.Enum([...KEY_KINDS, 'master']),
  dry_run: WasDryRun,
  active_kid: nullable(
    Type.String({ description: 'Active from now on; null where a dry run made none.' }),
  ),
  previous_kid: Type.String({ description: 'Active until now.' }),
  not_after: nullable(
    Type.String({
      format: 'date-time',
      description: 'Until when the previous key verifies; null: as long as something needs it.',
    }),
  ),
  next_kid: nullable(
    Type.String({ description: 'The signing key that the next rotation makes active.' }),
  ),
});

export const RetiredKey = answer('RetiredKey', { kid: Type.String(), dry_run: WasDryRun });

export const AuditPage = answer('AuditPage', {
  records: Type.Array(
    answer('AuditRecord', {
      id: Type.String(),
      at: Timestamp,
      action: Type.String({ description: '`area.verb`, past tense.' }),
      result: Type.Enum(['ok', 'refused']),
      actor_kind: ActorKind,
      actor_id: nullable(Type.String()),
      user_id: nullable(Type.String({ description: 'Whom it concerns.' })),
      ip: nullable(Type.String()),
      user_agent: nullable(Type.String()),
      request_id: nullable(Type.String()),
      detail: nullable(Type.Record(Type.String(), Type.Unknown())),
    }),
  ),
  next_cursor: nullable(Type.String({ description: 'null on the last page.' })),
});

export const Introspection = Type.Union([
  answer('InactiveToken', { active: Type.Literal(false) }),
  answer('ActiveToken', {
    active: Type.Literal(true),
    token_type: Type.Literal('Bearer'),
    sub: Type.String({ description: 'The id of the user.' }),
    sid: Type.String({ description: 'The id of the session.' }),
    jti: Type.String(),
    role: Type.String(),
    amr: Type.Array(Type.String()),
    iss: Type.String(),
    aud: Type.Optional(Type.String()),
    iat: Type.Integer({ description: 'Seconds since 1970.' }),
    exp: Type.Integer({ description: 'Seconds since 1970.' }),
  }),
]);

export const ForwardAuth = answer('ForwardAuth', {
  user_id: Type.String(),
  session_id: Type.String(),
  role: Type.String(),
});

const Count = Type.Integer({ minimum: 0 });

const MessageCounts = strictObject({ queued: Count, oldest_queued_seconds: Count, dead: Count });

export const Status = answer('Status', {
  pending_hashes: Count,
  oldest_pending_seconds: Count,
  parked_hashes: Count,
  hash_rate: Type.Number(),
  drain_seconds: nullable(Count),
  users: Count,
  sessions: Count,
  mail: MessageCounts,
  sms: MessageCounts,
  events: strictObject({ waiting: Count, oldest_waiting_seconds: Count, dead: Count }),
  domains: strictObject({ verified: Count, pending: Count }),
  api: strictObject({ nodes: Count }),
  worker: strictObject({ nodes: Count }),
});

export const OperatorSelf = answer('OperatorSelf', {
  name: Type.String(),
  scopes: Type.Array(Type.String(), { description: `Of ${SCOPES.join(', ')}.` }),
});
