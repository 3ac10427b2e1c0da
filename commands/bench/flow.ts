import { flow } from '../../src/bench/benchmarks/flow.ts';
import type { BenchReport } from '../../src/bench/report/json.ts';
import { BenchCommand } from '../../src/cli/bench-command.ts';
import { loadFlags, modeFlag } from '../../src/cli/bench-flags.ts';

export default class BenchFlow extends BenchCommand<typeof BenchFlow> {
  static override summary = 'Measure whole visits: register, log in, read the profile.';
  static override description = 'Logins set the pace: each costs one Argon2id hash.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --mode deferred --duration 1m',
  ];
  static override flags = { ...loadFlags, mode: modeFlag() };

  async run(): Promise<BenchReport> {
    return this.measure(flow, this.flags);
  }
}
