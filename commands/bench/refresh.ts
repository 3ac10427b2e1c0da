import { refresh } from '../../src/bench/benchmarks/refresh.ts';
import type { BenchReport } from '../../src/bench/report/json.ts';
import { BenchCommand } from '../../src/cli/bench-command.ts';
import { loadFlags } from '../../src/cli/bench-flags.ts';

export default class BenchRefresh extends BenchCommand<typeof BenchRefresh> {
  static override summary = 'Measure the rotation of refresh tokens.';
  static override description =
    'The limit beside the figure is the raw rate of signing access tokens.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --repeat 5 --json',
  ];
  static override flags = { ...loadFlags };

  async run(): Promise<BenchReport> {
    return this.measure(refresh, this.flags);
  }
}
