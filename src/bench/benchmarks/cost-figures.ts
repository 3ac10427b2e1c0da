import type { IdleRates } from '../cost/measure-idle.ts';
import type { RequestCost } from '../cost/measure-request.ts';
import type { RequestKind } from '../cost/request-kind.ts';
import type { Figure, Measure } from '../result.ts';
import { figure } from '../stats/figure.ts';

/** What one request of a kind costs: one value a round. */
export function requestFigures(
  { id, label }: Pick<RequestKind, 'id' | 'label'>,
  rounds: readonly RequestCost[],
): Figure[] {
  const one = (
    part: string,
    what: string,
    measure: Measure,
    unit: string,
    read: (cost: RequestCost) => number | undefined,
  ): Figure[] => {
    const values = rounds.map(read).filter((value) => value !== undefined);
    const facts = { id: `cost.${id}.${part}`, label: `${label}: ${what}`, measure, unit };
    return values.length === 0 ? [] : [figure({ ...facts, values })];
  };
  return [
    ...one('p50', 'one at a time, median', 'latency', 'ms', ({ run }) => run.accepted.p50),
    ...one('p95', 'one at a time, 95th percentile', 'latency', 'ms', ({ run }) => run.accepted.p95),
    ...one('cpu', 'CPU time of the API', 'time', 'ms', ({ cpuMs }) => cpuMs),
    ...one('heap', 'allocated (sampled)', 'size', 'kB', ({ allocatedBytes: bytes }) =>
      bytes === undefined ? undefined : bytes / 1_000,
    ),
    ...one('transactions', 'transactions', 'count', '', ({ transactions }) => transactions),
    ...one('wal', 'write-ahead log', 'size', 'B', ({ walBytes }) => walBytes),
    ...one('request', 'the request on the wire', 'size', 'B', ({ run }) => run.requestBytes),
    ...one('response', 'its answer on the wire', 'size', 'B', ({ run }) => run.responseBytes),
  ];
}

/** What the process does by itself, which is in none of the others. */
export function idleFigures(idle: IdleRates): Figure[] {
  const one = (part: string, what: string, measure: Measure, unit: string, value: number) => {
    const facts = { id: `cost.idle.${part}`, label: `Idle, in a second: ${what}`, measure, unit };
    return figure({ ...facts, values: [value] });
  };
  return [
    one('cpu', 'CPU time of the API', 'time', 'ms', idle.cpuMs),
    one('heap', 'allocated (sampled)', 'size', 'kB', idle.allocatedBytes / 1_000),
    one('transactions', 'transactions', 'count', '', idle.transactions),
    one('wal', 'write-ahead log', 'size', 'B', idle.walBytes),
  ];
}
