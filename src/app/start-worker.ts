import { getPriority, hostname, setPriority } from 'node:os';
import type { Forge } from '../crypto/forge.ts';
import type { HealthChecks } from '../http/health.ts';
import type { ProcessMetrics } from '../http/metrics.ts';
import { createWorkerApp } from '../http/worker-app.ts';
import type { Scope } from '../lib/lifecycle.ts';
import { lowerPoolPriority } from '../lib/lower-pool-priority.ts';
import { createAuditRetention } from '../services/audit/remove-old.ts';
import { createDrain } from '../services/credential/drain.ts';
import { createRemoveUnverified } from '../services/user/remove-unverified.ts';
import { createHardenLoop } from '../worker/harden-loop.ts';
import { createSweeper } from '../worker/sweeper.ts';
import type { Core } from './core.ts';
import { healthChecks } from './health-checks.ts';
import { openEventLoopWatch } from './open-event-loop-watch.ts';
import { openRelayLoop } from './open-events.ts';
import { hashParams, openForge } from './open-forge.ts';
import { openListener } from './open-listener.ts';
import { createMailFileRetention, openMailLoop, openSmsLoop } from './open-mail.ts';
import { programVersion } from './version.ts';
import { createWorkerMetrics, type WorkerMetrics } from './worker-metrics.ts';

/** One of the things a worker does, until its signal aborts. */
interface Loop {
  run(signal: AbortSignal): Promise<void>;
}

export interface WorkerOptions {
  /** Serves health and metrics on the management listener's address. */
  readonly withManagement?: boolean;
}

export interface RunningWorker {
  readonly metrics: ProcessMetrics;
  /** null without a listener of its own. */
  readonly managementPort: number | null;
}

/** Starts everything a worker does; its scope's release stops it, unfinished work going to others. */
export async function startWorker(
  core: Core,
  scope: Scope,
  { withManagement = false }: WorkerOptions = {},
): Promise<RunningWorker> {
  const { config, log, nodes } = core;
  // Requests of the same host come first. Who started us nicer meant it, and only root may undo it.
  setPriority(Math.max(getPriority(), config.worker.nice));
  const forge = await openForge(config, scope, 1, core.tracer);
  lowerPoolPriority(0);
  const host = hostname();
  const meters = createWorkerMetrics(core, forge);
  const loops = await openLoops(core, scope, forge, meters);

  const { metrics } = meters;
  const eventLoop = openEventLoopWatch(scope, metrics);
  const ended = new Set<string>();
  const ready: HealthChecks = {
    ...healthChecks(core, eventLoop),
    loops: () => {
      if (ended.size > 0) throw new Error(`ended: ${[...ended].join(', ')}`);
    },
  };
  core.telemetry.exportMetrics(metrics, scope);
  // Before the loops: a port that is taken must not have started anything.
  const managementPort = withManagement ? await serveWorker(core, scope, { metrics, ready }) : null;

  const identity = { kind: 'worker' as const, host, pid: process.pid, version: programVersion() };
  const beat = nodes.start(identity, () => ({
    hashRate: forge.ratePerSecond(),
    hashWaiting: 0,
  }));
  scope.defer('heartbeat', beat.stop);

  const stop = new AbortController();
  const running = Object.entries(loops).map(([name, loop]) =>
    loop.run(stop.signal).catch((error: unknown) => {
      // A loop handles what it can foresee; one that ends by itself must not end unseen.
      log.fatal({ err: error, loop: name }, 'worker loop failed');
      ended.add(name);
      throw error;
    }),
  );
  scope.defer('worker loops', async () => {
    stop.abort();
    await Promise.allSettled(running);
  });
  return { metrics, managementPort };
}

/** What a worker does, by name. */
async function openLoops(
  core: Core,
  scope: Scope,
  forge: Forge,
  meters: WorkerMetrics,
): Promise<Readonly<Record<string, Loop>>> {
  const { config, clock, log, db, nodes, tracer } = core;
  const params = hashParams(config);
  const { maxTries } = config.hash;
  const drain = createDrain({ db, forge, params, maxTries, log, tracer });
  const relay = openRelayLoop(core, scope, meters);
  const sms = await openSmsLoop(core, scope, meters);
  return {
    hardening: createHardenLoop({
      db,
      log,
      drain: meters.meterDrain(drain),
      nodes,
      host: hostname(),
      slots: forge.stats().slots,
    }),
    mail: openMailLoop(core, scope, meters),
    ...(sms && { sms }),
    ...(relay && { events: relay }),
    sweeper: createSweeper({
      db,
      log,
      intervalMs: config.sweeper.intervalMs,
      batch: config.sweeper.batch,
      knownNetworkTtlMs: config.login.knownNetworkTtlMs,
      eventRetentionMs: config.events.retentionMs,
      removeUnverified: createRemoveUnverified({
        db,
        clock,
        events: core.events,
        ttlMs: config.registration.unverifiedTtlMs,
      }),
      removeOldAudit: createAuditRetention({
        db,
        clock,
        retentionMs: config.audit.retentionMs,
      }),
      removeOldMailFiles: createMailFileRetention(core),
      onSwept: meters.swept,
    }),
  };
}

async function serveWorker(
  { config, clock, log }: Core,
  scope: Scope,
  shown: { metrics: ProcessMetrics; ready: HealthChecks },
): Promise<number> {
  const { host, port } = config.management;
  const app = createWorkerApp({ clock, log, ...shown });
  const listener = await openListener('worker listener', app, { config, scope }, { host, port });
  return listener.port;
}
