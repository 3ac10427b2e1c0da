import { Flags } from '@oclif/core';
import { registration } from '../../src/bench/benchmarks/registration.ts';
import type { BenchReport } from '../../src/bench/report/json.ts';
import { BenchCommand } from '../../src/cli/bench-command.ts';
import { loadFlags, modeFlag } from '../../src/cli/bench-flags.ts';
export default class BenchRegistration extends BenchCommand<typeof BenchRegistration> {
  static override summary = 'Measure registrations in a burst.';
  static override description =
    'By default 500 connections for 20 s, hashes deferred with a bound of 24h, worker and limits off; the report says so. The limits beside the figure are the same HTTP stack without a database, and a raw batch insert.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --repeat 3 --html registration.html',
    '<%= config.bin %> <%= command.id %> --duplicates 0.01 --preload 1000000 --bounded',
  ];
  static override flags = {
    ...loadFlags,
    mode: modeFlag(),
    duplicates: Flags.string({
      summary: 'Also measure with this share of repeated addresses.',
      helpValue: '<share>',
    }),
    preload: Flags.integer({
      summary: 'Also measure with this many users already there (throwaway only).',
      min: 1,
      max: 10_000_000,
    }),
    bounded: Flags.boolean({
      summary: 'Also measure the default backlog bound with the worker running (throwaway only).',
      default: false,
    }),
  };

  async run(): Promise<BenchReport> {
    return this.measure(registration, this.flags);
  }
}
