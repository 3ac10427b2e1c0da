import { type AppError, ERRORS, type ErrorCode, type FieldError } from '../../errors.ts';

/** The body of every error answer (RFC 9457). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The request id: what to quote to the operator. */
  readonly instance: string;
  readonly code: ErrorCode;
  readonly errors?: readonly FieldError[];
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8';

/** Codes whose names would tell a stranger how we are built; they answer as another. */
const PUBLIC_CODE: Partial<Record<ErrorCode, ErrorCode>> = {
  usage: 'internal',
  config_invalid: 'internal',
  // A node that lacks a key is out of order; another may serve.
  key_mismatch: 'unavailable',
  dependency_unreachable: 'unavailable',
  schema_mismatch: 'unavailable',
};

/** The codes a stranger may meet. */
export const PUBLIC_CODES: readonly ErrorCode[] = Object.keys(ERRORS)
  .filter(isErrorCode)
  .filter((code) => !(code in PUBLIC_CODE));

/**
 * Writes an error as a problem document. Server errors say the table's
 * sentence whatever the error says, so that no internal detail can leave in one.
 */
export function toProblem(error: AppError, requestId: string): Problem {
  const code = PUBLIC_CODE[error.code] ?? error.code;
  const status = ERRORS[code].http;
  return {
    type: problemType(code),
    title: problemTitle(code),
    status,
    detail: status >= 500 ? ERRORS[code].text : error.message,
    instance: requestId,
    code,
    ...(error.fields && { errors: error.fields }),
  };
}

function problemType(code: ErrorCode): string {
  return `urn:authctl:error:${code}`;
}

/** `invalid_refresh_token` reads `Invalid refresh token`. */
function problemTitle(code: ErrorCode): string {
  const words = code.replaceAll('_', ' ').replace('json', 'JSON');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}
