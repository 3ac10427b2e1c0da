import { Flags } from '@oclif/core';
import { findWarnings } from '../config/index.ts';
import { BaseCommand } from '../src/cli/base-command.ts';
import { presentServing } from '../src/cli/ready-line.ts';
import { allSettingFlags } from '../src/cli/setting-flags.ts';
import { welcome } from '../src/cli/welcome.ts';
import { untilAborted } from '../src/lib/until-aborted.ts';

export default class Serve extends BaseCommand<typeof Serve> {
  static override summary = 'Start the API, and a worker beside it.';
  static override description =
    'Runs until it is asked to stop (Ctrl-C, SIGTERM): it then answers what it has accepted and exits 0. ' +
    'Without AUTHCTL_DATABASE_URL it brings its own PostgreSQL in the data folder.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --port 9000 --workers 4',
    '<%= config.bin %> <%= command.id %> --port 0 --json',
    'AUTHCTL_DATABASE_URL=postgres://authctl@db/authctl <%= config.bin %> <%= command.id %> --no-worker',
  ];
  static override flags = {
    ...allSettingFlags(['host', 'port', 'management.port', 'public_url', 'workers']),
    worker: Flags.boolean({
      summary: 'Run a worker beside the API.',
      default: true,
      allowNo: true,
    }),
    supervised: Flags.boolean({ hidden: true, default: false }),
  };
  static override longRunning = true;

  async run(): Promise<void> {
    await this.withScope(async ({ settings: config, scope, log, stop }) => {
      for (const warning of findWarnings(config)) log.warn(warning);
      const { startServe } = await import('../src/app/start-serve.ts');
      const running = await startServe({
        config,
        scope,
        log,
        withWorker: this.flags.worker,
        isSupervised: this.flags.supervised,
        env: this.childEnv,
      });
      if (!this.flags.supervised) {
        this.log(welcome(config, running));
        this.sayReady(presentServing(config, running));
      }
      await untilAborted(stop);
    });
  }
}
