import { me } from '../../src/bench/benchmarks/me.ts';
import type { BenchReport } from '../../src/bench/report/json.ts';
import { BenchCommand } from '../../src/cli/bench-command.ts';
import { loadFlags } from '../../src/cli/bench-flags.ts';

export default class BenchMe extends BenchCommand<typeof BenchMe> {
  static override summary = 'Measure authenticated requests, with known tokens and with new ones.';
  static override description =
    'The limit beside the figure is the raw rate of verifying signatures.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --connections 128 --html me.html',
  ];
  static override flags = { ...loadFlags };

  async run(): Promise<BenchReport> {
    return this.measure(me, this.flags);
  }
}
