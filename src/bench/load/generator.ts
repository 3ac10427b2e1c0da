import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { type Connection, openConnection } from './connection.ts';
import { createDispatcher } from './dispatcher.ts';
import type { LoadPlan, LoadResult, LoadSecond } from './plan.ts';
import { createScenario } from './scenario.ts';
import { createTally } from './tally.ts';
import { checkPlan, parseTarget } from './target.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
/** Connections that are not open after this long join the run when they are. */
const CONNECT_GRACE_MS = 2_000;
/** How often time-outs are looked for and seconds closed. */
const SWEEP_MS = 50;
/** The best a timer can do: an open-loop request leaves up to this late, and its latency says so. */
const ARRIVAL_TICK_MS = 1;

export interface LoadHooks {
  readonly onSecond?: (second: LoadSecond) => void;
  /** Stops sending at once; answers still due are awaited. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/**
 * Runs a load in this process and resolves when it has stopped by itself: no request starts after
 * `durationMs` or beyond `maxRequests`, and none is awaited longer than `timeoutMs`. A server that
 * is down does not end the run: connections are tried again and counted as errors.
 *
 * Run it through `forkLoad`: in the process of anything else, it measures that too. Measured against
 * a bare `node:http` server with 128 connections on two cores: 17 µs of CPU a request here, 15 with
 * wrk, 40 with autocannon. So neither is needed, and the result says what share of a core this took.
 * @throws AppError `usage` for a plan without bounds or a target that is not this machine
 */
export async function runLoad(plan: LoadPlan, hooks: LoadHooks = {}): Promise<LoadResult> {
  checkPlan(plan);
  const target = parseTarget(plan.url);
  const clock = hooks.clock ?? systemClock;
  const scenario = createScenario(plan.scenario, target.authority);
  const tally = createTally(plan.warmupMs ?? 0, plan.durationMs, (s) => hooks.onSecond?.(s));
  const connections: Connection[] = [];
  const timeoutMs = plan.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const dispatcher = createDispatcher({ plan, timeoutMs, scenario, tally, connections });
  for (let index = 0; index < plan.connections; index++) {
    connections[index] = openConnection(target, scenario.wantsBody, dispatcher.events(index));
  }
  await Promise.race([dispatcher.connected, sleep(CONNECT_GRACE_MS, undefined, { ref: false })]);

  const cpuBefore = process.cpuUsage();
  const startedAt = clock.monotonicMs();
  const elapsedMs = () => clock.monotonicMs() - startedAt;
  const timers = [setInterval(dispatcher.sweep, SWEEP_MS)];
  if (plan.ratePerSecond) timers.push(setInterval(dispatcher.offerIdle, ARRIVAL_TICK_MS));
  hooks.signal?.addEventListener('abort', dispatcher.stop, { once: true });
  dispatcher.start(elapsedMs);
  if (hooks.signal?.aborted) dispatcher.stop();
  await dispatcher.finished;

  hooks.signal?.removeEventListener('abort', dispatcher.stop);
  for (const timer of timers) clearInterval(timer);
  for (const connection of connections) connection.close();
  scenario.close?.();
  const cpu = process.cpuUsage(cpuBefore);
  return {
    ...tally.result(dispatcher.endMs),
    mode: plan.ratePerSecond ? 'open loop' : 'closed loop',
    connections: plan.connections,
    unsent: dispatcher.unsent,
    counters: scenario.counters?.() ?? {},
    generatorCpu: (cpu.user + cpu.system) / 1_000 / elapsedMs(),
  };
}
