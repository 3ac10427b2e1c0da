import { hostname } from 'node:os';
import type { Config } from '../../config/index.ts';
import { uuidv7 } from '../crypto/random.ts';
import type { Clock } from '../lib/clock.ts';
import { parseHeaderList } from '../lib/header-list.ts';
import type { Scope } from '../lib/lifecycle.ts';
import type { Logger } from '../lib/logger.ts';
import type { Tracer } from '../lib/tracer.ts';
import { programVersion } from './version.ts';

export interface OpenTracerOptions {
  readonly config: Config;
  readonly scope: Scope;
  readonly log: Logger;
  readonly clock: Clock;
  readonly role: 'api' | 'worker' | 'cli';
}

/**
 * Opens the way to the collector; undefined where none is configured, and for short commands. Only
 * then is OpenTelemetry loaded: it costs a process some 25 MiB.
 */
export async function openTracer(options: OpenTracerOptions): Promise<Tracer | undefined> {
  const { config, scope, log, clock, role } = options;
  const { endpoint, protocol, sample, serviceName } = config.otel;
  if (!endpoint || role === 'cli') return undefined;
  const { openTracing } = await import('../tracing/open-tracing.ts');
  const version = programVersion();
  const tracing = openTracing({
    endpoint,
    protocol,
    headers: otelHeaders(config),
    sample,
    version,
    resource: {
      'service.name': serviceName,
      'service.version': version,
      'service.instance.id': uuidv7(clock.now().getTime()),
      'host.name': hostname(),
      'process.pid': process.pid,
      'authctl.role': role,
    },
    clock,
    log,
  });
  return scope.own('traces', tracing, (opened) => opened.close()).tracer;
}

/** The collector's headers; the setting was checked when it was read. */
export function otelHeaders({ otel }: Config): Record<string, string> {
  return parseHeaderList(otel.headers?.reveal() ?? '') ?? {};
}
