import { Flags } from '@oclif/core';
import { BaseCommand } from '../src/cli/base-command.ts';
import { limitHeap } from '../src/cli/limit-heap.ts';
import { presentWorker } from '../src/cli/ready-line.ts';
import { allSettingFlags } from '../src/cli/setting-flags.ts';
import { untilAborted } from '../src/lib/until-aborted.ts';

export default class Worker extends BaseCommand<typeof Worker> {
  static override summary =
    'Start a worker: hardens passwords, sends mail, relays events, removes what has expired.';
  static override description =
    'Runs until it is asked to stop. Any number of workers may share one database; a killed one is ' +
    'taken over from within a minute.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --data-dir /var/lib/authctl',
    '<%= config.bin %> <%= command.id %> --worker-management --management-port 8082',
  ];
  static override flags = {
    ...allSettingFlags(['hash.slots', 'management.port', 'worker.management', 'worker.nice']),
    supervised: Flags.boolean({ hidden: true, default: false }),
  };
  static override longRunning = true;

  async run(): Promise<void> {
    if (!this.flags.supervised) limitHeap(this.settings.worker.memoryMib, this.given.env);
    await this.withScope(async ({ settings: config, scope, log, stop }) => {
      const { openCore } = await import('../src/app/core.ts');
      const { answerParent } = await import('../src/app/process-questions.ts');
      const { startWorker } = await import('../src/app/start-worker.ts');
      const poolSize = config.database.workerPool;
      const core = await openCore({ config, scope, log, role: 'worker', poolSize });
      const { supervised } = this.flags;
      const withManagement = config.worker.management && !supervised;
      const { metrics, managementPort } = await startWorker(core, scope, { withManagement });
      if (supervised) answerParent(scope, { metrics: metrics.collect });
      log.info({ managementPort: managementPort ?? undefined }, 'worker started');
      const { isEmbedded } = core.store;
      this.sayReady(presentWorker(config, { managementPort, isEmbedded }));
      await untilAborted(stop);
    });
  }
}
