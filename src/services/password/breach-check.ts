import { hash } from 'node:crypto';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { onceEvery } from '../../lib/once-every.ts';

export interface BreachCheck {
  /**
   * Whether a password is known from a breach.
   * @throws AppError `unavailable` when that cannot be found out and failures are closed
   */
  isKnown(password: string): Promise<boolean>;
}

export interface BreachCheckOptions {
  /** A range API: five hexadecimal digits of a SHA-1 are appended. */
  readonly url: string;
  readonly timeoutMs: number;
  /** When the check fails: `open` accepts the password, `closed` refuses it. */
  readonly onFailure: 'open' | 'closed';
  readonly clock: Clock;
  readonly log: Logger;
}

/** k-anonymity: 5 of 40 digits leave, which some thousand known passwords share. */
const PREFIX_DIGITS = 5;
const LINE = /^[0-9A-F]{35}:[0-9]{1,10}$/i;
/** A range of the largest public corpus is about 80 KB with padding. */
const MAX_ANSWER_BYTES = 1_048_576;
/** Beyond this many at once the service is too slow for the load: waiting longer helps nobody. */
const MAX_IN_FLIGHT = 64;
const REPORT_EVERY_MS = 60_000;

/** Asks a range API of breached passwords without telling it the password, or its hash. */
export function createBreachCheck(options: BreachCheckOptions): BreachCheck {
  const { url, timeoutMs, onFailure, clock, log } = options;
  const isReportDue = onceEvery(REPORT_EVERY_MS, clock);
  let inFlight = 0;
  let failures = 0;

  async function ask(password: string): Promise<boolean> {
    if (inFlight >= MAX_IN_FLIGHT) throw new Error(`${inFlight} breach checks are under way`);
    const digest = hash('sha1', password.normalize('NFC'), 'hex').toUpperCase();
    inFlight += 1;
    try {
      const range = await fetchRange(`${url}/${digest.slice(0, PREFIX_DIGITS)}`, timeoutMs);
      return isListed(range, digest.slice(PREFIX_DIGITS));
    } finally {
      inFlight -= 1;
    }
  }

  /** Says once a minute that checks fail: a line for each would be a log full of one outage. */
  function report(error: unknown): void {
    failures += 1;
    if (!isReportDue()) return;
    log.warn({ err: error, failures, onFailure }, 'breached-password check failed');
    failures = 0;
  }

  return {
    async isKnown(password) {
      try {
        return await ask(password);
      } catch (error) {
        report(error);
        if (onFailure === 'open') return false;
        throw new AppError('unavailable', { cause: error, retryAfterSeconds: 5 });
      }
    },
  };
}

/** Fetches a range within the time-out, body included; connections are kept and used again. */
async function fetchRange(url: string, timeoutMs: number): Promise<string> {
  const response = await fetch(url, {
    // Padding makes all answers about as long, so that their size does not tell the prefix.
    headers: { 'Add-Padding': 'true', 'User-Agent': 'authctl' },
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  const { status, body } = response;
  if (status === 200) return readText(body);
  await body?.cancel();
  throw new Error(`the range API answered ${status}`);
}

async function readText(body: ReadableStream<Uint8Array> | null): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    // Leaving the loop cancels the rest of the body.
    if (size > MAX_ANSWER_BYTES) throw new Error('the range API answered too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('latin1');
}

/** Padding lines have count 0: they are not in the corpus. */
function isListed(range: string, suffix: string): boolean {
  const lines = range.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (!lines.every((line) => LINE.test(line)))
    throw new Error('the range API answered something else than a range');
  return lines.some((line) => {
    const [listed = '', count = ''] = line.split(':');
    return listed.toUpperCase() === suffix && Number(count) > 0;
  });
}
