import { styleText } from 'node:util';
import type { BenchProgress } from '../bench/context.ts';
import { startProgress } from './progress.ts';

/**
 * Shows a person what a benchmark does, on standard error. Two loads at once share the screen badly,
 * so the first to start has the bar.
 */
export function benchProgress(): BenchProgress {
  const stream = process.stderr;
  let hasBar = false;
  return {
    step(label) {
      if (stream.isTTY) stream.write(`${styleText('dim', `· ${label}`, { stream })}\n`);
    },
    load(label, seconds) {
      if (hasBar) return { second: () => {}, stop: () => {} };
      hasBar = true;
      const bar = startProgress(label, seconds);
      return {
        second: (passed) => bar.update(passed),
        stop() {
          bar.stop();
          hasBar = false;
        },
      };
    },
  };
}
