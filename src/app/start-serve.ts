import type { Config } from '../../config/index.ts';
import { systemClock } from '../lib/clock.ts';
import type { Scope } from '../lib/lifecycle.ts';
import type { Logger } from '../lib/logger.ts';
import { lowerPoolPriority } from '../lib/lower-pool-priority.ts';
import { withChildren } from './api-metrics.ts';
import { type ChildOptions, type Supervised, superviseChild } from './child.ts';
import { openCore } from './core.ts';
import { prepareDomains } from './prepare-domains.ts';
import { answerParent } from './process-questions.ts';
import { startApi } from './start-api.ts';
import { startManagement } from './start-management.ts';

export interface ServeOptions {
  readonly config: Config;
  readonly scope: Scope;
  readonly log: Logger;
  /** Ends a start that still waits for the database. */
  readonly stop: AbortSignal;
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
  const { config, scope, log, stop } = options;
  const poolSize = config.database.pool;
  const core = await openCore({ config, scope, log, role: 'api', poolSize, stop });
  if (!options.isSupervised) await prepareDomains(core);
  const { isEmbedded } = core.store;
  const api = await startApi({ core, scope, port: config.port, processes: config.workers });
  lowerPoolPriority(config.hash.nice);
  const { port } = api.listener;
  if (options.isSupervised) {
    answerParent(scope, { metrics: api.metrics.collect });
    return { port, managementPort: null, isEmbedded };
  }

  const children: Supervised[] = [];
  const metrics = withChildren(api.metrics, children);
  const listener = await startManagement({
    core,
    api: { ...api, metrics },
    scope,
    port: config.management.port,
  });
  // Only now: a port that is taken must not have started anything.
  children.push(...startSiblings(options, port));
  if (options.withWorker) children.push(startWorkerChild(options));
  log.info({ port, managementPort: listener.port }, 'serving');
  return { port, managementPort: listener.port, isEmbedded };
}

/** Further API processes, which share the public port. */
function startSiblings(options: ServeOptions, port: number): Supervised[] {
  const env = { ...options.env, AUTHCTL_PORT: String(port) };
  return Array.from({ length: options.config.workers - 1 }, () =>
    startChild(options, { args: ['serve', '--supervised', '--no-worker'], env }),
  );
}

function startWorkerChild(options: ServeOptions): Supervised {
  const execArgv = [`--max-old-space-size=${options.config.worker.memoryMib}`];
  return startChild(options, { args: ['worker', '--supervised'], env: options.env, execArgv });
}

function startChild(
  { config, scope, log }: ServeOptions,
  child: Pick<ChildOptions, 'args' | 'env' | 'execArgv'>,
): Supervised {
  const supervised = superviseChild({ log, clock: systemClock, ...child });
  scope.defer(`child ${child.args[0]}`, () => supervised.stop(config.shutdown.deadlineMs));
  return supervised;
}
