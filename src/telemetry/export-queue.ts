import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { onceEvery } from '../lib/once-every.ts';
import { NotDelivered } from './otlp-sender.ts';

export interface ExportQueueOptions<T> {
  /** For the log: `spans`. */
  readonly what: string;
  /** @throws NotDelivered */
  send(items: readonly T[], signal: AbortSignal): Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ExportQueue<T> {
  add(item: T): void;
  /** Sends what is left, for two seconds at most. */
  close(): Promise<void>;
}

/** What waits at most, a few megabytes; more is dropped and counted. */
const CAPACITY = 4_096;
/** Items of one export. */
const BATCH = 512;
/** How long a few items wait for more, and how long a collector that failed is left alone. */
const PAUSE_MS = 2_000;
const TRY_MS = 5_000;
/** What a stop waits for the last of them. */
const CLOSE_MS = 2_000;
/** A collector that is away is worth a line a minute. */
const REPORT_EVERY_MS = 60_000;

/**
 * Takes what there is to tell as it comes, and sends it, one export at a time. A collector that is slow
 * or away costs items, never a request: nothing waits for it, the queue is bounded, no timer holds the
 * process, and the stop gives it two seconds.
 */
export function createExportQueue<T>(options: ExportQueueOptions<T>): ExportQueue<T> {
  const { what, send, clock, log } = options;
  const closing = new AbortController();
  const isReportDue = onceEvery(REPORT_EVERY_MS, clock);
  const waiting: T[] = [];
  let working: Promise<void> | undefined;
  let endPause: (() => void) | undefined;
  let isFailing = false;
  let dropped = 0;
  let isClosed = false;

  function add(item: T): void {
    if (isClosed) return;
    if (waiting.length >= CAPACITY) {
      drop(1, 'they come faster than they are taken');
      return;
    }
    waiting.push(item);
    working ??= work();
    if (waiting.length >= BATCH && !isFailing) endPause?.();
  }

  async function work(): Promise<void> {
    while (waiting.length > 0) {
      if (waiting.length < BATCH || isFailing) await pause();
      if (isClosed) return;
      isFailing = !(await sendBatch());
    }
    // Here, not after the promise: what comes in between would wait for the next one.
    working = undefined;
  }

  /** The oldest items stay in the queue until they are taken, or refused for good. */
  async function sendBatch(): Promise<boolean> {
    const batch = waiting.slice(0, BATCH);
    try {
      await send(batch, AbortSignal.any([closing.signal, AbortSignal.timeout(TRY_MS)]));
      waiting.splice(0, batch.length);
      return true;
    } catch (error) {
      const { message, isPassing } = error instanceof NotDelivered ? error : UNEXPECTED;
      drop(isPassing ? 0 : waiting.splice(0, batch.length).length, message);
      return false;
    }
  }

  function drop(count: number, reason: string): void {
    dropped += count;
    if (!isReportDue()) return;
    log.warn({ reason, dropped, waiting: waiting.length }, `${what} are not delivered`);
    dropped = 0;
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, PAUSE_MS);
      timer.unref();
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function close(): Promise<void> {
    isClosed = true;
    const deadline = setTimeout(() => closing.abort(), CLOSE_MS);
    endPause?.();
    await working;
    while (waiting.length > 0 && !closing.signal.aborted) if (!(await sendBatch())) break;
    clearTimeout(deadline);
  }

  return { add, close };
}

const UNEXPECTED = { message: 'they cannot be encoded', isPassing: false };
