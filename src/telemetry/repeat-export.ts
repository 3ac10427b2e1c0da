import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { onceEvery } from '../lib/once-every.ts';
import { shareRun } from '../lib/share-run.ts';
import { NotDelivered } from './otlp-sender.ts';

export interface RepeatExportOptions {
  /** For the log: `metrics`. */
  readonly what: string;
  /** @throws NotDelivered */
  send(signal: AbortSignal): Promise<void>;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What one export may take, and what a stop waits for the last. */
const TRY_MS = 5_000;
const CLOSE_MS = 2_000;
/** A collector that is away is worth a line a minute. */
const REPORT_EVERY_MS = 60_000;

/**
 * Exports the present values again and again, one export at a time. One that is not taken costs
 * nothing: the next has all that it had.
 */
export function repeatExport(options: RepeatExportOptions): { close(): Promise<void> } {
  const { what, send, intervalMs, clock, log } = options;
  const closing = new AbortController();
  const isReportDue = onceEvery(REPORT_EVERY_MS, clock);
  let working = Promise.resolve();

  async function attempt(signal: AbortSignal): Promise<void> {
    try {
      await send(signal);
    } catch (error) {
      const reason = error instanceof NotDelivered ? error.message : 'they cannot be read';
      if (!isReportDue()) return;
      log.warn({ reason }, `${what} are not delivered`);
    }
  }

  const exportNow = shareRun(() =>
    attempt(AbortSignal.any([closing.signal, AbortSignal.timeout(TRY_MS)])),
  );
  const timer = setInterval(() => {
    working = exportNow();
  }, intervalMs);
  timer.unref();
  return {
    async close() {
      clearInterval(timer);
      const deadline = setTimeout(() => closing.abort(), CLOSE_MS);
      await working;
      if (!closing.signal.aborted) await attempt(closing.signal);
      clearTimeout(deadline);
    },
  };
}
