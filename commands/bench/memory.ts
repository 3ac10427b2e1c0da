import { memory } from '../../src/bench/benchmarks/memory.ts';
import type { BenchReport } from '../../src/bench/report/json.ts';
import { BenchCommand } from '../../src/cli/bench-command.ts';
import { durationFlags } from '../../src/cli/bench-flags.ts';

export default class BenchMemory extends BenchCommand<typeof BenchMemory> {
  static override summary = 'Measure what an idle appliance holds in memory.';
  static override description =
    'Proportional set size of API, worker and PostgreSQL, from /proc (Linux).';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --duration 60s --json',
  ];
  static override flags = { ...durationFlags };

  async run(): Promise<BenchReport> {
    return this.measure(memory, this.flags);
  }
}
