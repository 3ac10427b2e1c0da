import { explainConfig, type SettingReport } from '../../config/index.ts';
import { BaseCommand } from '../../src/cli/base-command.ts';
import { formatTable } from '../../src/cli/format.ts';
import { allSettingFlags } from '../../src/cli/setting-flags.ts';

export default class ConfigShow extends BaseCommand<typeof ConfigShow> {
  static override summary =
    'Print every setting and where its value comes from; secrets are masked.';
  static override description =
    'Any setting can be given as a flag, to see what it would change. They are all in docs/configuration.md.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
    'AUTHCTL_HASH_MODE=sync <%= config.bin %> <%= command.id %> --port 9000',
  ];
  static override flags = { ...allSettingFlags([]) };

  async run(): Promise<{ settings: SettingReport[] }> {
    const settings = explainConfig(this.given);
    const rows = settings.map(({ name, value, at }) => [name, value, at ?? 'default']);
    this.log(formatTable(['SETTING', 'VALUE', 'FROM'], rows));
    return { settings };
  }
}
