import { fstatSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Logger, pino } from 'pino';
import { AppError } from '../errors.ts';
import { describeError } from './describe-error.ts';
import { createLogFile, type LineLosses, type RotationLimits } from './log-file.ts';

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
  /** When that file is set aside, and what is kept of those; without, it grows for ever. */
  readonly rotation?: RotationLimits;
  /** Fixed fields of every line: the process's kind, the node's id. */
  readonly base?: Record<string, unknown>;
}

/** What is kept of lines that cannot be written, in bytes; later ones are dropped. */
const MAX_WAITING_BYTES = 8_388_608;
const NO_ROTATION: RotationLimits = { maxBytes: 0, maxFiles: 0, maxAgeMs: 0 };

/**
 * One JSON object a line. Standard output belongs to command results, so logs go to standard error.
 * JSON escaping is what keeps user input from forging a line.
 * @throws AppError `config_invalid` where the file cannot be opened
 */
export function createLogger(options: LogOptions): Logger {
  const paths = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
  let lost = 0;
  const losses: LineLosses = {
    dropped() {
      lost += 1;
    },
    written() {
      if (lost === 0) return;
      const lines = lost;
      lost = 0;
      logger.error({ lines }, 'lines of this log were lost: they could not be written');
    },
  };
  const copies: Copies = { receive: undefined };
  const logger = pino(
    {
      hooks: {
        streamWrite(line) {
          copies.receive?.(line);
          return line;
        },
      },
      level: options.level,
      base: { pid: process.pid, ...options.base },
      redact: { paths, censor: '[redacted]' },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: describeError },
      formatters: { level: (label) => ({ level: label }) },
    },
    openDestination(options, losses),
  );
  copiesOf.set(logger, copies);
  return logger;
}

interface Copies {
  receive: ((line: string) => void) | undefined;
}

const copiesOf = new WeakMap<Logger, Copies>();

/** Hands every further line of a log, and of its children, to somebody else, too: the JSON text, redacted. */
export function copyLines(logger: Logger, receive: (line: string) => void): void {
  const copies = copiesOf.get(logger);
  if (copies) copies.receive = receive;
}

/**
 * Where lines go. A disk that is full, or a reader that went away, costs lines and never the process:
 * what waits is bounded, written when there is room again, and not waited for at the end.
 */
function openDestination({ file, rotation = NO_ROTATION }: LogOptions, losses: LineLosses) {
  const dest = file === undefined ? 2 : openLogFile(file);
  if (file !== undefined && !file.startsWith('/dev/') && fstatSync(dest).isFile()) {
    // Renaming a link would leave the file where it is.
    const path = realpathSync(file);
    const maxWaitingBytes = MAX_WAITING_BYTES;
    return createLogFile({ fd: dest, path, maxWaitingBytes, losses, ...rotation });
  }
  const destination = pino.destination({ dest, sync: false, maxLength: MAX_WAITING_BYTES });
  const flush = destination.flushSync.bind(destination);
  let isFailing = false;
  destination.on('error', () => {
    isFailing = true;
  });
  destination.on('drop', losses.dropped);
  destination.on('write', () => {
    isFailing = false;
    // It tells of a write before it counts it: a line now would find no room and be lost, too.
    setImmediate(losses.written);
  });
  // It would try again until there is room, at the end of the process for ever.
  destination.flushSync = () => {
    if (!isFailing) flush();
  };
  return destination;
}

/** Its lines hold addresses of clients: its owner's, and readable to a group for whoever collects logs. */
function openLogFile(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    return openSync(path, 'a', 0o640);
  } catch (cause) {
    throw new AppError('config_invalid', {
      text: `The log file ${path} cannot be opened.`,
      hint: 'set log.file (AUTHCTL_LOG_FILE) to a place that may be written, or leave it empty',
      cause,
    });
  }
}
