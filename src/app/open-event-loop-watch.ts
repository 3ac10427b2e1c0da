import type { ProcessMetrics } from '../http/metrics.ts';
import { systemClock } from '../lib/clock.ts';
import { type EventLoopWatch, watchEventLoop } from '../lib/event-loop-watch.ts';
import type { Scope } from '../lib/lifecycle.ts';

/** Seconds. A crowd keeps a loop busy for tenths; beyond one, requests are refused. */
const DELAY_BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Watches a process's event loop, and shows what it sees in the metrics. */
export function openEventLoopWatch(scope: Scope, { histogram }: ProcessMetrics): EventLoopWatch {
  const help = 'By how much timers are late: what every request waits at least.';
  const { observe } = histogram('event_loop_delay_seconds', help, DELAY_BOUNDS);
  return scope.own('event loop watch', watchEventLoop(systemClock, observe), (watch) =>
    watch.close(),
  );
}
