import { Args, Flags } from '@oclif/core';
import { yesFlag } from '../../src/cli/base-command.ts';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { type RetireResult, retireKey } from '../../src/services/key/rotate.ts';

export default class KeysRetire extends CoreCommand<typeof KeysRetire> {
  static override summary =
    'End a replaced key now: what it signed fails everywhere within a second.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> k4.pid.… --yes',
    '<%= config.bin %> <%= command.id %> pepper-1a2b3c4d --dry-run',
  ];
  static override args = { kid: Args.string({ required: true, description: 'From `keys list`.' }) };
  static override flags = {
    yes: yesFlag,
    'dry-run': Flags.boolean({ summary: 'Say whether it could be retired.', default: false }),
  };

  async run(): Promise<RetireResult> {
    const dryRun = this.flags['dry-run'];
    if (!dryRun) this.requireYes('Everything this key made would stop working.');
    return this.withCore(async ({ db, clock }) => {
      const result = await retireKey({ db, clock, actor: this.actor }, this.args.kid, { dryRun });
      this.log(dryRun ? `${result.kid} could be retired` : `${result.kid} is retired`);
      return result;
    });
  }
}
