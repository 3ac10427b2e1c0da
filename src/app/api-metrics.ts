import { type CollectedMetrics, exposeTogether, type Metrics } from '../http/metrics.ts';
import type { Supervised } from './child.ts';

/** One page for a `serve`: this process's metrics with those of its children that answer, the worker's too. */
export function withChildren(own: Metrics, children: readonly Supervised[]): Metrics {
  return {
    ...own,
    async expose() {
      const collecting = children.map((child) => child.ask('metrics'));
      // Both ends of the channel are the same program.
      const answers = (await Promise.all(collecting)) as (CollectedMetrics | null)[];
      const others = answers.filter((answer) => answer !== null);
      if (others.length === 0) return own.expose();
      return exposeTogether([await own.collect(), ...others]);
    },
  };
}
