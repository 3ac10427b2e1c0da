import { defineConfig } from 'vitest/config';
import { lastLine } from './test/support/last-line.ts';
import { SlowFirst } from './test/support/slow-first.ts';

/** Real servers and real processes on a machine that may have two cores: two files at a time. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', lastLine],
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: SlowFirst },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // As the product's own processes: hashing must not fill the pool that files and DNS share.
    env: { UV_THREADPOOL_SIZE: '8' },
    // Only what runs in the tests' own processes is seen: what the built program does in those it
    // starts, most of `commands`, is not. Files that no test loads count as not covered.
    coverage: {
      provider: 'v8',
      include: ['commands/**/*.ts', 'config/**/*.ts', 'src/**/*.ts'],
      // Prisma writes it.
      exclude: ['src/db/generated/**'],
      reporter: ['text', 'html'],
      reportsDirectory: 'coverage',
    },
  },
});
