import type { Config } from '../../config/index.ts';
import { listen } from '../http/listen.ts';
import { createManagementApp } from '../http/management-app.ts';
import { systemClock } from '../lib/clock.ts';
import type { Scope } from '../lib/lifecycle.ts';
import type { Logger } from '../lib/logger.ts';
import { superviseChild } from './child.ts';
import { openCore } from './core.ts';
import { prepareDomains } from './prepare-domains.ts';
import { startApi } from './start-api.ts';

export interface ServeOptions {
  readonly config: Config;
  readonly scope: Scope;
  readonly log: Logger;
  readonly withWorker: boolean;
  /** A further API process of a supervising one: it only serves. */
  readonly isSupervised: boolean;
  /** The environment of child processes: this run's settings in it. */
  readonly env: NodeJS.ProcessEnv;
}

export interface Serving {
  readonly port: number;
  readonly managementPort: number | null;
  readonly isEmbedded: boolean;
}

/**
 * Starts the API: this process serves the public and the management listener, further API processes
 * share the public port, and a worker runs beside them, in a process of its own so that its hashing
 * never shares threads or memory with requests.
 */
export async function startServe(options: ServeOptions): Promise<Serving> {
  const { config, scope, log } = options;
  const poolSize = config.database.pool;
  const core = await openCore({ config, scope, log, role: 'api', poolSize });
  if (!options.isSupervised) await prepareDomains(core);
  const { isEmbedded } = core.store;
  const api = await startApi({ core, scope, port: config.port, processes: config.workers });
  const { port } = api.listener;
  if (options.isSupervised) return { port, managementPort: null, isEmbedded };

  const management = createManagementApp({
    ...core,
    metrics: api.metrics,
    ready: api.health,
    started: {},
  });
  const { host, port: wanted } = config.management;
  const listener = scope.own(
    'management listener',
    await listen(management, { host, port: wanted }),
    (opened) => opened.close(config.shutdown.deadlineMs),
  );
  startChildren(options, port);
  log.info({ port, managementPort: listener.port }, 'serving');
  return { port, managementPort: listener.port, isEmbedded };
}

function startChildren(options: ServeOptions, port: number): void {
  const { config, scope, log } = options;
  const common = { log, clock: systemClock };
  const args = [
    ...Array.from({ length: config.workers - 1 }, () => ({
      args: ['serve', '--supervised', '--no-worker'],
      env: { ...options.env, AUTHCTL_PORT: String(port) },
      execArgv: [],
    })),
    ...(options.withWorker
      ? [
          {
            args: ['worker', '--supervised'],
            env: options.env,
            execArgv: [`--max-old-space-size=${config.worker.memoryMib}`],
          },
        ]
      : []),
  ];
  for (const child of args) {
    const supervised = superviseChild({ ...common, ...child });
    scope.defer(`child ${child.args[0]}`, () => supervised.stop(config.shutdown.deadlineMs));
  }
}
