import type { Clock } from '../lib/clock.ts';
import type { Scope } from '../lib/lifecycle.ts';
import type { BenchResult } from './result.ts';

export interface BenchOptions {
  /** Each benchmark has its own default. */
  readonly connections?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly repeat: number;
  /** Share of registrations that repeat an address, measured beside the load without them. */
  readonly duplicates?: number | undefined;
  /** Users already there, measured beside the empty table. */
  readonly preload?: number | undefined;
  /** Requests of each kind, where they are sent one at a time. */
  readonly requests?: number | undefined;
  /** Also measure the default backlog bound with the worker running. */
  readonly bounded?: boolean | undefined;
  readonly mode?: 'adaptive' | 'sync' | 'deferred' | undefined;
  /** A running appliance to measure instead of a throwaway one. */
  readonly url?: string | undefined;
  readonly domain: string;
  /** Where the throwaway's folder is made. */
  readonly parentFolder?: string | undefined;
}

export interface BenchProgress {
  /** Says what happens now. */
  step(label: string): void;
  /** A load of so many seconds began; the returned function takes each second that passed. */
  load(label: string, seconds: number): { second(passed: number): void; stop(): void };
}

/** What a benchmark works with. Everything outside `src/bench` comes in through here. */
export interface BenchContext {
  readonly options: BenchOptions;
  readonly version: string;
  readonly clock: Clock;
  readonly scope: Scope;
  /** Aborted when the operator asks to stop. */
  readonly signal: AbortSignal;
  readonly progress: BenchProgress;
  /** The executable's file, `bin/run.js`. */
  readonly runner: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Cores the appliance hashes on: `hash.slots` of a throwaway. */
  readonly slots: number;
  /** Processes that wanted a core in the minute before: what shared the machine with the benchmark. */
  readonly loadBefore: number;
  /** Share of the CPU time since the benchmark began that the host gave to other machines, 0 to 1. */
  stolenShare(): number;
  /** Of every user the benchmarks make: long, and on no list of common passwords. */
  readonly password: string;
  /** Makes the addresses of a run differ from those of any other; `part` is 1 to 6 of `a-z0-9`. */
  runId(part: string): string;
  /** Joins the embedded PostgreSQL of a data folder. */
  joinDatabase(dataDir: string): Promise<{ connectionString: string; leave(): Promise<void> }>;
  /**
   * A module that serves the product's own HTTP stack, validation and HMAC with no database behind
   * `POST /v1/register`: see `limits/server-process.ts` for what it must do. Absent: that limit is
   * not measured, and the report says so.
   */
  readonly staticServer?: string | undefined;
}

/** One of the things `authctl bench` measures. */
export interface Benchmark {
  readonly name: string;
  readonly title: string;
  run(context: BenchContext): Promise<BenchResult>;
}
