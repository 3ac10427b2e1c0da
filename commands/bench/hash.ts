import { hash } from '../../src/bench/benchmarks/hash.ts';
import type { BenchReport } from '../../src/bench/report/json.ts';
import { BenchCommand } from '../../src/cli/bench-command.ts';
import { durationFlags } from '../../src/cli/bench-flags.ts';

export default class BenchHash extends BenchCommand<typeof BenchHash> {
  static override summary = 'Measure how fast the worker hardens pending credentials.';
  static override description =
    'The limit beside the figure is the raw Argon2id rate of the same engine, slots and cost.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --duration 60s --json',
  ];
  static override flags = { ...durationFlags };

  async run(): Promise<BenchReport> {
    return this.measure(hash, this.flags);
  }
}
