import type { LoadErrors, LoadSecond } from './load/plan.ts';
import type { MachineFacts } from './machine.ts';
import type { LatencySummary } from './stats/latency.ts';
import type { Repeats } from './stats/repeats.ts';

/**
 * What a number says. A throughput is never turned into a latency or back: 130 logins a second with
 * 16 under way does not mean that one takes 7.7 ms.
 */
export type Measure = 'throughput' | 'latency' | 'time' | 'size' | 'count';

/** A promise a figure is held to. */
export interface Bar {
  /** E.g. `≥ 0.8 of the static answer`. */
  readonly text: string;
  readonly passed: boolean;
}

/** A ceiling measured in the same run, on the same machine, for the figure beside it. */
export interface Limit {
  readonly label: string;
  readonly value: number;
  readonly unit: string;
}

export interface Figure {
  /** Stable, for programs that compare two reports. */
  readonly id: string;
  readonly label: string;
  readonly measure: Measure;
  readonly value: number;
  /** `/s`, `ms`, `s`, `MB`, `B`, or empty. */
  readonly unit: string;
  /** Every run behind `value`, which is their median. */
  readonly repeats?: Repeats;
  readonly limit?: Limit;
  /** value / limit.value */
  readonly ratio?: number;
  readonly bar?: Bar;
}

/** One load run as it is reported: the histograms are read, the seconds are kept for the plots. */
export interface RunSummary {
  readonly label: string;
  readonly mode: 'closed loop' | 'open loop';
  readonly connections: number;
  readonly seconds: readonly LoadSecond[];
  readonly measuredSeconds: number;
  /** Answers a second, whatever their status. */
  readonly throughput: number;
  /** 2xx a second. */
  readonly acceptedThroughput: number;
  readonly sent: number;
  readonly unsent: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly errors: LoadErrors;
  readonly counters: Readonly<Record<string, number>>;
  /** Milliseconds, of 2xx answers and of all others. */
  readonly accepted: LatencySummary;
  readonly refused: LatencySummary;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Cores used during the run: by the generator, and by each kind of process of the appliance. */
  readonly cpu: Readonly<Record<string, number>>;
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** `category`: x counts the `categories`. */
  readonly x: 'linear' | 'category';
  readonly y: 'linear' | 'log';
  readonly categories?: readonly string[];
  readonly series: readonly ChartSeries[];
}

export interface ChartSeries {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** The outcome of one benchmark: plain data, which the three reports write out. */
export interface BenchResult {
  /** `registration`, `login`, … */
  readonly name: string;
  readonly title: string;
  /** What was done, in a sentence or two. */
  readonly method: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly version: string;
  readonly figures: readonly Figure[];
  /** Protections and processes that were off: a figure without them is not the product's. */
  readonly switchedOff: readonly string[];
  /** What was set for the run, by name. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly notes: readonly string[];
  readonly machine: MachineFacts;
  readonly runs: readonly RunSummary[];
  readonly charts: readonly Chart[];
}

/** Whether every figure that has a bar reaches it. */
export function allPassed(result: BenchResult): boolean {
  return result.figures.every(({ bar }) => bar?.passed ?? true);
}
