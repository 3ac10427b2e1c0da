import { Flags } from '@oclif/core';
import { cost } from '../../src/bench/benchmarks/cost.ts';
import type { BenchReport } from '../../src/bench/report/json.ts';
import { BenchCommand } from '../../src/cli/bench-command.ts';
import { reportFlags } from '../../src/cli/bench-flags.ts';

export default class BenchCost extends BenchCommand<typeof BenchCost> {
  static override summary = 'Measure what one request costs: time, CPU, memory, log and bytes.';
  static override description =
    'Registration, login, refresh, profile and reset, one request at a time on an idle appliance (Linux). No throughput follows from it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --requests 1000 --json > before.json',
  ];
  static override flags = {
    ...reportFlags,
    requests: Flags.integer({
      summary: 'Requests of each kind. [200]',
      min: 1,
      // The scene makes two users for each, within two minutes.
      max: 2_000,
    }),
  };

  async run(): Promise<BenchReport> {
    return this.measure(cost, this.flags);
  }
}
