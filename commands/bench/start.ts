import { start } from '../../src/bench/benchmarks/start.ts';
import type { BenchReport } from '../../src/bench/report/json.ts';
import { BenchCommand } from '../../src/cli/bench-command.ts';
import { reportFlags } from '../../src/cli/bench-flags.ts';

export default class BenchStart extends BenchCommand<typeof BenchStart> {
  static override summary = 'Measure the time to the first 200 of /health.';
  static override description = 'Once into an empty folder, then on the data it left.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --repeat 5',
  ];
  static override flags = { ...reportFlags };

  async run(): Promise<BenchReport> {
    return this.measure(start, this.flags);
  }
}
