import { AppError } from '../errors.ts';

/**
 * SQLSTATE classes and codes that mean "the server is not there for us now", not "the statement is wrong".
 * 25006: it is read-only, as a standby is, or a primary that was replaced.
 */
const UNAVAILABLE_STATES = /^(08|57P0|53|58|25006)/;
/** A statement the server cancelled: statement_timeout, lock_timeout. */
const TIMED_OUT_STATES = new Set(['57014', '55P03']);
const UNAVAILABLE_SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
/** Errors `pg` raises itself carry no code; these are their texts. */
const UNAVAILABLE_TEXTS =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout|Client was closed|Cannot use a pool after/;

/** Whether an error of `pg` says that the connection or the server is gone, so the outcome is unknown. */
export function isConnectionError(error: unknown): boolean {
  const code = codeOf(error);
  if (code && (UNAVAILABLE_SYSTEM_CODES.has(code) || UNAVAILABLE_STATES.test(code))) return true;
  return error instanceof Error && UNAVAILABLE_TEXTS.test(error.message);
}

/** Deadlock and serialisation failure: the transaction was undone, and the next try may well pass. */
const UNDONE_STATES = new Set(['40P01', '40001']);

/**
 * Whether the same statement may work a moment later. It may also have worked already: a caller that
 * tries again must know how to tell.
 */
export function isPassing(error: unknown): boolean {
  return isConnectionError(error) || UNDONE_STATES.has(codeOf(error) ?? '');
}

/** Whether an error is the violation of the named unique constraint (SQLSTATE 23505). */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (codeOf(error) !== '23505') return false;
  return constraint === undefined || (error as { constraint?: string }).constraint === constraint;
}

/** A foreign key violation: what was to be referred to has just been deleted, the next try sees that. */
const GONE_STATE = '23503';

/**
 * Maps what the database throws to a code a stranger may see: 503 `unavailable` while it is away or
 * too slow, or where others were faster and another try will find things settled; null for anything
 * else, which is a bug of ours and becomes 500.
 */
export function toAppError(error: unknown): AppError | null {
  if (error instanceof AppError) return error;
  if (!isUnavailable(error)) return null;
  return new AppError('unavailable', { cause: error, retryAfterSeconds: 1 });
}

/** Whether the database could not do now what it may well do at another try. */
export function isUnavailable(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return isPassing(error) || TIMED_OUT_STATES.has(code) || code === GONE_STATE;
}

function codeOf(error: unknown): string | undefined {
  const cause = prismaCause(error);
  if (cause && UNREACHABLE_KINDS.has(String(field(cause, 'kind')))) return 'ECONNREFUSED';
  const code = cause ? field(cause, 'originalCode') : field(error, 'code');
  return typeof code === 'string' ? code : undefined;
}

/** What Prisma calls a server that is not there, or a connection that broke. */
const UNREACHABLE_KINDS = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout']);

/** What `pg` threw, inside of an error that Prisma wrapped around it. */
function prismaCause(error: unknown): object | undefined {
  const cause = field(field(field(error, 'meta'), 'driverAdapterError'), 'cause');
  return typeof cause === 'object' && cause !== null ? cause : undefined;
}

function field(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined;
}
