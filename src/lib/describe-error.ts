/** What a log line says of an error. */
export interface DescribedError {
  readonly type: string;
  readonly message?: string;
  readonly code?: unknown;
  readonly stack?: string | undefined;
  readonly cause?: DescribedError;
  readonly errors?: readonly DescribedError[];
}

/**
 * Only what names the fault. Errors carry what they were about in their other properties: PostgreSQL
 * quotes the whole row it refused (a password's stored form, an address), a mail server the recipient.
 */
export function describeError(error: unknown): DescribedError {
  if (!(error instanceof Error)) return { type: typeof error };
  return {
    type: error.name,
    message: error.message,
    code: Reflect.get(error, 'code'),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
    ...(error instanceof AggregateError ? { errors: error.errors.map(describeError) } : {}),
  };
}
