import { login } from '../../src/bench/benchmarks/login.ts';
import type { BenchReport } from '../../src/bench/report/json.ts';
import { BenchCommand } from '../../src/cli/bench-command.ts';
import { loadFlags } from '../../src/cli/bench-flags.ts';

export default class BenchLogin extends BenchCommand<typeof BenchLogin> {
  static override summary = 'Measure logins at capacity, and under far more clients than that.';
  static override description =
    'The limit beside the figure is the raw Argon2id rate of the same engine, slots and cost.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --repeat 3 --html login.html',
    '<%= config.bin %> <%= command.id %> --url http://127.0.0.1:8080 --domain example.com',
  ];
  static override flags = { ...loadFlags };

  async run(): Promise<BenchReport> {
    return this.measure(login, this.flags);
  }
}
