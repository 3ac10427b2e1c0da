import { expect, test } from 'vitest';
import { createLogger } from '../../src/lib/logger.ts';
import { createExportQueue } from '../../src/telemetry/export-queue.ts';
import { NotDelivered } from '../../src/telemetry/otlp-sender.ts';
import { eventually } from '../support/eventually.ts';

const CAPACITY = 4_096;
const BATCH = 512;

type Outcome = 'taken' | 'later' | 'never' | 'silence';

/** A queue before a collector that treats exports as it is told to. */
function createQueue() {
  const collector = { outcome: 'taken' as Outcome, tries: 0, taken: [] as string[] };
  const clock = { ms: 0 };
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({ level: 'silent' });
  log.warn = (fields: object) => void lines.push({ ...fields });

  async function send(spans: readonly string[], signal: AbortSignal): Promise<void> {
    collector.tries += 1;
    if (collector.outcome === 'silence') await untilAborted(signal);
    if (collector.outcome === 'later') throw new NotDelivered('HTTP 503', true);
    if (collector.outcome === 'never') throw new NotDelivered('HTTP 400', false);
    collector.taken.push(...spans);
  }

  const queue = createExportQueue<string>({
    what: 'spans',
    send,
    log,
    clock: { now: () => new Date(0), monotonicMs: () => clock.ms },
  });
  function end(count: number): void {
    for (let index = 0; index < count; index += 1) queue.add(`span ${index}`);
  }
  return { collector, clock, lines, end, close: queue.close };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new NotDelivered('no answer in time', true)));
  });
}

test('many spans go at once, few after a pause, and each goes once', async () => {
  const { collector, end, close } = createQueue();
  end(BATCH);
  await eventually('a full batch is sent', () => collector.taken.length === BATCH, 1_000);
  end(3);
  expect(collector.tries).toBe(1);
  await eventually('the others are sent', () => collector.taken.length === BATCH + 3);
  expect(collector.tries).toBe(2);
  await close();
  expect(collector.tries).toBe(2);
});

test('a collector that is away keeps a bounded number waiting, and is one line a minute', async () => {
  const { collector, clock, lines, end, close } = createQueue();
  collector.outcome = 'later';
  end(CAPACITY + 1_000);
  await eventually('it was tried', () => collector.tries > 1);
  expect(lines).toEqual([
    { reason: 'they come faster than they are taken', dropped: 1, waiting: CAPACITY },
  ]);
  clock.ms += 60_000;
  await eventually('a minute has passed', () => lines.length === 2);
  expect(lines[1]).toEqual({ reason: 'HTTP 503', dropped: 999, waiting: CAPACITY });

  collector.outcome = 'taken';
  await eventually('it is back', () => collector.taken.length === CAPACITY);
  expect(collector.taken[0]).toBe('span 0');
  await close();
});

test('what a collector refuses for good is not sent again', async () => {
  const { collector, lines, end, close } = createQueue();
  collector.outcome = 'never';
  end(BATCH);
  await eventually('it was refused', () => lines.length === 1);
  expect(lines).toEqual([{ reason: 'HTTP 400', dropped: BATCH, waiting: 0 }]);
  await close();
  expect(collector.tries).toBe(1);
});

test('closing sends what waits, and nothing after that', async () => {
  const { collector, end, close } = createQueue();
  end(BATCH * 2 + 1);
  await close();
  expect(collector.taken.length).toBe(BATCH * 2 + 1);
  end(1);
  await close();
  expect(collector.taken.length).toBe(BATCH * 2 + 1);
});

test('closing gives up on a collector that does not answer', async () => {
  const { collector, end, close } = createQueue();
  collector.outcome = 'silence';
  end(CAPACITY);
  await eventually('it is under way', () => collector.tries === 1);
  await close();
  expect(collector.taken).toEqual([]);
});
