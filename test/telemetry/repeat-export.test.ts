import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/lib/logger.ts';
import { NotDelivered } from '../../src/telemetry/otlp-sender.ts';
import { repeatExport } from '../../src/telemetry/repeat-export.ts';
import { eventually } from '../support/eventually.ts';

const MINUTE_MS = 60_000;

/** Exports to a collector that treats each as `treat` does, every five milliseconds. */
function start(treat: (signal: AbortSignal) => Promise<void>) {
  const seen = { tries: 0, atOnce: 0, mostAtOnce: 0, ms: 0 };
  const lines: object[] = [];
  const log = createLogger({ level: 'silent' });
  log.warn = (fields: object) => void lines.push(fields);
  const exporting = repeatExport({
    what: 'metrics',
    async send(signal) {
      seen.tries += 1;
      seen.atOnce += 1;
      seen.mostAtOnce = Math.max(seen.mostAtOnce, seen.atOnce);
      await treat(signal).finally(() => {
        seen.atOnce -= 1;
      });
    },
    intervalMs: 5,
    clock: { now: () => new Date(0), monotonicMs: () => seen.ms },
    log,
  });
  onTestFinished(() => exporting.close());
  return { seen, lines, close: exporting.close };
}

test('it exports again and again, and once more at the end', async () => {
  const { seen, lines, close } = start(async () => undefined);
  await eventually('several were sent', () => seen.tries >= 3);
  const before = seen.tries;
  await close();
  expect(seen.tries).toBeGreaterThan(before);
  const after = seen.tries;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(seen.tries).toBe(after);
  expect(lines).toEqual([]);
});

test('a collector that is away is one line a minute', async () => {
  const { seen, lines } = start(() => Promise.reject(new NotDelivered('ECONNREFUSED', true)));
  await eventually('several were refused', () => seen.tries >= 5);
  expect(lines).toEqual([{ reason: 'ECONNREFUSED' }]);
  seen.ms = MINUTE_MS;
  await eventually('it is told again', () => lines.length === 2);
});

test('a collector that never answers has one export at a time, and is not waited for', async () => {
  const { seen, close } = start(
    (signal) =>
      new Promise((_, reject) => {
        const giveUp = () => reject(new NotDelivered('no answer in time', true));
        if (signal.aborted) giveUp();
        signal.addEventListener('abort', giveUp);
      }),
  );
  await eventually('one is under way', () => seen.tries === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await close();
  expect(seen).toMatchObject({ mostAtOnce: 1, tries: 1 });
});
