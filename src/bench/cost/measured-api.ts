import type { BenchDatabase } from '../database.ts';

/** The idle API process that is asked, and what can be read about it. */
export interface MeasuredApi {
  readonly url: string;
  readonly managementUrl: string;
  readonly pid: number;
  readonly database: BenchDatabase;
  /** Of an operator who may `debug`. */
  readonly operatorToken: string;
}
