import { hostname } from 'node:os';
import type { Forge } from '../crypto/forge.ts';
import { createGuardian, type Guardian } from '../http/guardian.ts';
import type { HealthChecks } from '../http/health.ts';
import type { Listener } from '../http/listen.ts';
import { createMetrics, type Metrics } from '../http/metrics.ts';
import { createPublicApp } from '../http/public-app.ts';
import type { Scope } from '../lib/lifecycle.ts';
import { createServices, type Services } from '../services/index.ts';
import { addGauges } from './api-gauges.ts';
import type { Core } from './core.ts';
import { healthChecks } from './health-checks.ts';
import { openEventLoopWatch } from './open-event-loop-watch.ts';
import { hashParams, openForge } from './open-forge.ts';
import { openLimits } from './open-limits.ts';
import { openListener } from './open-listener.ts';
import { openWake } from './open-wake.ts';
import { programVersion } from './version.ts';

export interface Api {
  readonly services: Services;
  readonly forge: Forge;
  readonly metrics: Metrics;
  readonly health: HealthChecks;
  readonly listener: Listener;
}

export interface StartApiOptions {
  readonly core: Core;
  readonly scope: Scope;
  /** 0 lets the system choose. */
  readonly port: number;
  /** API processes that divide this host's hashing slots. */
  readonly processes: number;
  /** Checks every answer against its declaration: for tests. */
  readonly checkAnswers?: boolean | undefined;
}

/** Seconds: a batch is one statement with one durable commit. */
const BATCH_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const BATCH_ROWS = [1, 2, 5, 10, 25, 50, 100, 200, 500];

/** Starts one API process's services and its public listener. */
export async function startApi(options: StartApiOptions): Promise<Api> {
  const { core, scope } = options;
  const { config, nodes } = core;
  const version = programVersion();
  const metrics = createMetrics();
  metrics.info('build_info', 'The version that runs.', { version });
  const forge = await openForge(config, scope, options.processes, core.tracer);
  const { limits, mailBudget } = await openLimits(core, scope);
  const batchRows = metrics.histogram('registration_batch_rows', 'Rows of a batch.', BATCH_ROWS);
  const batchSeconds = metrics.histogram(
    'registration_batch_seconds',
    'Time of a batch, durable commit included.',
    BATCH_SECONDS,
  );
  const services = createServices({
    ...core,
    forge,
    params: hashParams(config),
    limits,
    mailBudget,
    wake: {
      hash: openWake(core, scope, 'authctl_hash'),
      mail: openWake(core, scope, 'authctl_mail'),
    },
    metrics: {
      observeBatch(rows, seconds) {
        batchRows.observe(rows);
        batchSeconds.observe(seconds);
      },
    },
  });
  scope.defer('requests in flight', services.drain);
  addGauges({ metrics, core, services, forge });

  const identity = { kind: 'api' as const, host: hostname(), pid: process.pid, version };
  const beat = nodes.start(identity, () => {
    const { ratePerSecond, queued } = forge.stats();
    return { hashRate: ratePerSecond, hashWaiting: queued };
  });
  scope.defer('heartbeat', beat.stop);

  const eventLoop = openEventLoopWatch(scope, metrics);
  const health = healthChecks(core, eventLoop);
  const guardian = openGuardian(core, scope);
  const app = createPublicApp({
    ...core,
    version,
    services,
    guardian,
    isLate: eventLoop.isLate,
    metrics,
    health,
    checkAnswers: options.checkAnswers,
  });
  core.telemetry.exportMetrics(metrics, scope);
  const listener = await openListener(
    'public listener',
    app,
    { config, scope },
    {
      host: config.host,
      port: options.port,
      maxConnections: config.http.maxConnections,
      reusePort: config.workers > 1,
    },
  );
  return { services, forge, metrics, health, listener };
}

function openGuardian({ config, clock }: Core, scope: Scope): Guardian | null {
  if (config.limits === 'off') return null;
  const guardian = createGuardian({
    ratePerSecond: config.ip.rate,
    burst: config.ip.burst,
    hashingRatePerSecond: config.ip.hashRate,
    hashingBurst: config.ip.hashBurst,
    clock,
  });
  return scope.own('guardian', guardian, (opened) => opened.close());
}
