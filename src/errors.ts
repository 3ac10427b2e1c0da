/**
 * The one error class and the closed table of its codes.
 *
 * Services throw a code and know neither HTTP nor exit numbers; the two adapters (`http/middleware`
 * and `cli/base-command`) read the row. A code without a row does not compile; a code is never
 * renamed once released.
 */

interface ErrorSpec {
  /** HTTP status of the problem document (RFC 9457). */
  readonly http: number;
  /** Exit code of the command line: 1 refused, 2 usage or configuration, 3 dependency, 4 schema. */
  readonly exit: 1 | 2 | 3 | 4;
  /** What a stranger may read. */
  readonly text: string;
}

export const ERRORS = {
  malformed_json: { http: 400, exit: 1, text: 'The body is not valid JSON.' },
  invalid_credentials: { http: 401, exit: 1, text: 'The credentials are not valid.' },
  invalid_token: { http: 401, exit: 1, text: 'The token is missing, invalid or expired.' },
  invalid_code: { http: 401, exit: 1, text: 'The code is not valid.' },
  invalid_refresh_token: {
    http: 401,
    exit: 1,
    text: 'The refresh token is not valid. Sign in again.',
  },
  domain_not_allowed: {
    http: 403,
    exit: 1,
    text: 'Addresses of this e-mail domain may not register here.',
  },
  account_unavailable: { http: 403, exit: 1, text: 'This account is not available.' },
  two_factor_required: { http: 403, exit: 1, text: 'A second factor is needed for this.' },
  forbidden: { http: 403, exit: 1, text: 'This is not allowed.' },
  not_found: { http: 404, exit: 1, text: 'There is nothing here.' },
  method_not_allowed: { http: 405, exit: 1, text: 'This path does not take that method.' },
  email_taken: { http: 409, exit: 1, text: 'An account with this e-mail address exists.' },
  username_taken: { http: 409, exit: 1, text: 'This username is taken.' },
  two_factor_already_enabled: {
    http: 409,
    exit: 1,
    text: 'Two-factor authentication is already on.',
  },
  conflict: { http: 409, exit: 1, text: 'The current state does not allow this.' },
  idempotency_conflict: {
    http: 409,
    exit: 1,
    text: 'This Idempotency-Key was used with another body.',
  },
  flow_expired: { http: 410, exit: 1, text: 'This step has expired or was already used.' },
  precondition_failed: { http: 412, exit: 1, text: 'It has changed since you read it.' },
  body_too_large: { http: 413, exit: 1, text: 'The body is larger than 16 KiB.' },
  unsupported_media_type: {
    http: 415,
    exit: 1,
    text: 'Send application/json in UTF-8, not compressed.',
  },
  validation_failed: { http: 422, exit: 1, text: 'Some fields are not valid.' },
  password_too_weak: { http: 422, exit: 1, text: 'This password is too easy to guess.' },
  password_breached: { http: 422, exit: 1, text: 'This password is known from a data breach.' },
  password_reused: { http: 422, exit: 1, text: 'This password was used before.' },
  rate_limited: { http: 429, exit: 1, text: 'Too many requests. Try again later.' },
  internal: { http: 500, exit: 1, text: 'Something went wrong on our side.' },
  overloaded: { http: 503, exit: 3, text: 'The server is busy. Try again shortly.' },
  unavailable: { http: 503, exit: 3, text: 'The service is not available right now.' },
  usage: { http: 500, exit: 2, text: 'The command was not used correctly.' },
  config_invalid: { http: 500, exit: 2, text: 'The configuration is not valid.' },
  key_mismatch: { http: 500, exit: 2, text: 'The master key is not the one of this installation.' },
  dependency_unreachable: { http: 503, exit: 3, text: 'A service this needs cannot be reached.' },
  schema_mismatch: {
    http: 503,
    exit: 4,
    text: 'The database schema is not the one this program knows.',
  },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof ERRORS;

/** One field's problem: a JSON pointer into the body, a stable code, a sentence. */
export interface FieldError {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

/** The budget a `rate_limited` caller has used up: the numbers of the `RateLimit` fields. */
export interface SpentBudget {
  readonly name: string;
  readonly limit: number;
  readonly windowSeconds: number;
}

export interface AppErrorOptions {
  /** Replaces the table's sentence; a stranger may read it. */
  readonly text?: string | undefined;
  /** What the operator should type or change; shown by the command line only. */
  readonly hint?: string | undefined;
  /** The fields at fault, for `validation_failed` and the password codes. */
  readonly fields?: readonly FieldError[] | undefined;
  /** When trying again may succeed; becomes `Retry-After` on 429 and 503. */
  readonly retryAfterSeconds?: number | undefined;
  readonly budget?: SpentBudget | undefined;
  /** For the log only: ids, never secrets. */
  readonly log?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** A refusal the product foresees; everything else is a bug and answers 500 `internal`. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly fields: readonly FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly budget: SpentBudget | undefined;
  readonly log: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    const frames = Error.stackTraceLimit;
    // Where it was thrown is of interest for faults; for what a crowd is told by the thousand, finding
    // out would be a tenth of the work.
    if (ERRORS[code].http < 500 || code === 'overloaded') Error.stackTraceLimit = 0;
    super(options.text ?? ERRORS[code].text, { cause: options.cause });
    Error.stackTraceLimit = frames;
    this.name = 'AppError';
    this.code = code;
    this.hint = options.hint;
    this.fields = options.fields;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.budget = options.budget;
    this.log = options.log;
  }

  get status(): number {
    return ERRORS[this.code].http;
  }

  get exitCode(): number {
    return ERRORS[this.code].exit;
  }
}

/** An `AppError` saying that one field of the body is at fault. */
export function fieldError(pointer: string, code: string, detail: string): AppError {
  return new AppError('validation_failed', { fields: [{ pointer, code, detail }] });
}
