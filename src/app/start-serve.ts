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

/** One that hangs is ended while there is time to go on without it. */
const SHARE_OF_CHILDREN = 0.9;

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
  const children = openChildren(options);
  const api = await startApi({ core, scope, port: config.port, processes: config.workers });
  lowerPoolPriority(config.hash.nice);
  const { port } = api.listener;
  if (options.isSupervised) {
    answerParent(scope, { metrics: api.metrics.collect });
    return { port, managementPort: null, isEmbedded };
  }

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

/**
 * They are told to end together, and as soon as this process is: neither does it go on accepting while
 * they finish, nor each of them while another does. They are waited for when the listeners have closed.
 */
function openChildren({ config, scope }: ServeOptions): Supervised[] {
  const children: Supervised[] = [];
  const stopAll = async () => {
    const patienceMs = config.shutdown.deadlineMs * SHARE_OF_CHILDREN;
    await Promise.all(children.map((child) => child.stop(patienceMs)));
  };
  scope.ending.addEventListener('abort', () => void stopAll(), { once: true });
  scope.defer('child processes', stopAll);
  return children;
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
  { log }: ServeOptions,
  child: Pick<ChildOptions, 'args' | 'env' | 'execArgv'>,
): Supervised {
  return superviseChild({ log, clock: systemClock, ...child });
}
