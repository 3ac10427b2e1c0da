import { findWarnings } from '../../config/index.ts';
import { BaseCommand } from '../../src/cli/base-command.ts';
import { allSettingFlags } from '../../src/cli/setting-flags.ts';

export default class ConfigCheck extends BaseCommand<typeof ConfigCheck> {
  static override summary = 'Check the configuration and list every problem at once.';
  static override description =
    'Exits 2 if a start would be refused. Any setting can be given as a flag, to try it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --config /etc/authctl.yaml --json',
    'AUTHCTL_ENV=production <%= config.bin %> <%= command.id %>',
  ];
  static override flags = { ...allSettingFlags([]) };

  async run(): Promise<{ valid: true; warnings: string[] }> {
    const warnings = findWarnings(this.settings);
    for (const warning of warnings) this.log(`warning: ${warning}`);
    this.log(`The configuration is valid for ${this.settings.env}.`);
    return { valid: true, warnings };
  }
}
