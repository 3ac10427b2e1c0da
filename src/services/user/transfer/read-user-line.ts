import { AppError, type FieldError } from '../../../errors.ts';
import { hasCalendarDay } from '../../../lib/calendar-day.ts';
import { parseForeignHash } from '../../credential/foreign/parse.ts';
import {
  type Identity,
  type IdentityInput,
  type IdentityPolicy,
  parseIdentity,
} from '../../registration/identity.ts';
import { isRole } from '../admin/role.ts';
import { USER_STATUSES, type UserStatus } from '../view.ts';

/** A user as a line of an import describes them, checked. */
export interface ImportedUser extends Identity {
  /** null: one is made. */
  readonly id: string | null;
  readonly status: UserStatus;
  readonly role: string;
  readonly emailVerified: boolean;
  readonly createdAt: Date;
  /** Another system's hash of the password; null: the user must set a password before signing in. */
  readonly passwordHash: string | null;
}

type Fields = Readonly<Record<string, unknown>>;

const KNOWN_FIELDS = new Set([
  'id',
  'email',
  'username',
  'phone',
  'status',
  'role',
  'email_verified',
  'created_at',
  'password_hash',
]);
const SECRETS_OF_OTHERS = new Set(['totp', 'totp_secret', 'recovery_codes', 'password']);

/**
 * Reads a line of an import: a JSON object whose fields are all known and valid; null stands for
 * absent. No message repeats what the line says.
 * @returns every problem, where there is one
 */
export function readUserLine(
  line: string,
  policy: IdentityPolicy,
  now: Date,
): ImportedUser | FieldError[] {
  const fields = parseObject(line);
  if (fields === null) return [problem('', 'malformed_json', 'The line is not a JSON object.')];
  const problems = findUnknown(fields);

  /** The value of an optional field, as `parse` reads it; a problem is noted where it cannot. */
  function read<T>(name: string, parse: (value: unknown) => T | undefined, detail: string) {
    const value = fields?.[name] ?? null;
    if (value === null) return null;
    const parsed = parse(value);
    if (parsed === undefined) problems.push(problem(`/${name}`, 'bad_format', detail));
    return parsed ?? null;
  }

  const text = 'This is not a text.';
  const identity = {
    email: read('email', toText, text) ?? undefined,
    username: read('username', toText, text) ?? undefined,
    phone: read('phone', toText, text) ?? undefined,
  };
  const user = {
    id: read('id', toUuid, 'This is not a UUID.'),
    status: read('status', toStatus, `Use ${USER_STATUSES.join(', ')}.`) ?? 'active',
    role:
      read('role', toRole, 'Use lower-case letters, digits, - and _, a letter first.') ?? 'user',
    emailVerified: read('email_verified', toBoolean, 'Use true or false.') ?? false,
    createdAt:
      read('created_at', (value) => toTime(value, now), 'Use a past 2026-01-31T12:00:00Z.') ?? now,
    passwordHash: read('password_hash', toText, text),
  };
  problems.push(...checkHash(user.passwordHash));
  const canonical = tryIdentity(identity, policy, problems);
  if (canonical === null || problems.length > 0) return problems;
  // As after a registration, a unique name is claimed with the proof of the mailbox, see `claimUsername`.
  const isUnclaimed = user.status === 'pending' && canonical.email !== null && !user.emailVerified;
  return { ...canonical, ...user, ...(isUnclaimed && { usernameKey: null }) };
}

function parseObject(line: string): Fields | null {
  try {
    const value: unknown = JSON.parse(line);
    // A JSON object is a record of unknown values.
    return typeof value === 'object' && !Array.isArray(value) ? (value as Fields | null) : null;
  } catch {
    return null;
  }
}

function findUnknown(fields: Fields): FieldError[] {
  return Object.keys(fields)
    .filter((name) => !KNOWN_FIELDS.has(name))
    .map((name) => {
      // A name of letters is safe to show; anything else could be a secret in the wrong place.
      const pointer = /^\w{1,40}$/.test(name) ? `/${name}` : '';
      const detail = SECRETS_OF_OTHERS.has(name)
        ? 'Only password hashes can be imported; users enrol second factors anew.'
        : 'There is no such field.';
      return problem(pointer, 'unknown_field', detail);
    });
}

const HASH_PROBLEMS = {
  unknown_format: 'This is no password hash of a known format.',
  malformed: 'This password hash is not well-formed.',
  too_costly: 'Checking this password hash would cost too much.',
} as const;

function checkHash(text: string | null): FieldError[] {
  const hash = text === null ? null : parseForeignHash(text);
  if (typeof hash !== 'string') return [];
  return [problem('/password_hash', hash, HASH_PROBLEMS[hash])];
}

function tryIdentity(
  input: IdentityInput,
  policy: IdentityPolicy,
  problems: FieldError[],
): Identity | null {
  try {
    return parseIdentity(input, policy);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const noted = new Set(problems.map(({ pointer }) => pointer));
    problems.push(...(error.fields ?? []).filter(({ pointer }) => !noted.has(pointer)));
    return null;
  }
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function toBoolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function toUuid(value: unknown): string | undefined {
  return typeof value === 'string' && UUID.test(value) ? value.toLowerCase() : undefined;
}

function toStatus(value: unknown): UserStatus | undefined {
  return USER_STATUSES.find((status) => status === value);
}

function toRole(value: unknown): string | undefined {
  return typeof value === 'string' && isRole(value) ? value : undefined;
}

/** RFC 3339 with a zone: without one, the same line would mean another time on another machine. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

function toTime(value: unknown, now: Date): Date | undefined {
  if (typeof value !== 'string' || !TIME.test(value) || !hasCalendarDay(value)) return undefined;
  const time = new Date(value);
  return time.getTime() >= 0 && time <= now ? time : undefined;
}

function problem(pointer: string, code: string, detail: string): FieldError {
  return { pointer, code, detail };
}
