import type { CheckResult } from '../src/app/doctor/check.ts';
import { BaseCommand } from '../src/cli/base-command.ts';
import { formatTable } from '../src/cli/format.ts';
import { allSettingFlags } from '../src/cli/setting-flags.ts';

export default class Doctor extends BaseCommand<typeof Doctor> {
  static override summary = 'Examine this machine and the installation, and say what to do.';
  static override description =
    'Changes nothing. Exits 1 when something fails, 3 when the database cannot be reached. ' +
    'Measures both Argon2 engines: run it while the machine is quiet.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
    'AUTHCTL_ENV=production <%= config.bin %> <%= command.id %> --config /etc/authctl.yaml',
  ];
  static override flags = { ...allSettingFlags(['port', 'management.port']) };

  async run(): Promise<{ healthy: boolean; checks: readonly CheckResult[] }> {
    return this.withScope(async ({ settings: config, scope, log }) => {
      const { examine } = await import('../src/app/doctor/examine.ts');
      const { checks, isHealthy, isDatabaseReachable } = await examine({ config, scope, log });
      this.log(formatTable(['', 'CHECK', 'FOUND'], checks.map(toRow)));
      if (!isHealthy) process.exitCode = isDatabaseReachable ? 1 : 3;
      return { healthy: isHealthy, checks };
    });
  }
}

function toRow({ state, check, detail, hint }: CheckResult): [string, string, string] {
  return [state, check, hint === undefined ? detail : `${detail} (${hint})`];
}
