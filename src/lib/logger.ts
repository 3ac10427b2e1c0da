import { type Logger, pino } from 'pino';
import { describeError } from './describe-error.ts';

export type { Logger } from 'pino';

/** Fields that never reach a log line, whatever object they are in. Values are dropped, not masked by length. */
const SECRET_FIELDS = [
  'password',
  'password_confirmation',
  'current_password',
  'new_password',
  'recovery_code',
  'flow_token',
  'refresh_token',
  'access_token',
  'secret',
  'authorization',
  'cookie',
];

export interface LogOptions {
  readonly level: string;
  /** A file to append to instead of standard error; undefined means standard error. */
  readonly file?: string | undefined;
  /** Fixed fields of every line: the process's kind, the node's id. */
  readonly base?: Record<string, unknown>;
}

/**
 * One JSON object a line. Standard output belongs to command results, so logs go to standard error.
 * JSON escaping is what keeps user input from forging a line.
 */
export function createLogger(options: LogOptions): Logger {
  const paths = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
  return pino(
    {
      level: options.level,
      base: options.base ?? {},
      redact: { paths, censor: '[redacted]' },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: describeError },
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: options.file ?? 2, sync: false, append: true, mkdir: true }),
  );
}
