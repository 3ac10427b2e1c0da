import type { Reporter } from 'vitest/node';

/** Ends the output with one line that scripts can read: `2160 passed, 0 failed, 0 skipped`. */
export const lastLine: Reporter = {
  onTestRunEnd(modules, unhandledErrors) {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      count.failed += module.errors().length;
      for (const test of module.children.allTests()) count[test.result().state] += 1;
    }
    const { passed, failed, skipped, pending } = count;
    const line = `${passed} passed, ${failed + pending} failed, ${skipped} skipped`;
    process.stdout.write(`${line}\n`);
  },
};
