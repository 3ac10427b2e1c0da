import type { Benchmark } from '../context.ts';
import { cost } from './cost.ts';
import { flow } from './flow.ts';
import { hash } from './hash.ts';
import { login } from './login.ts';
import { me } from './me.ts';
import { memory } from './memory.ts';
import { refresh } from './refresh.ts';
import { registration } from './registration.ts';
import { start } from './start.ts';

/** Everything `authctl bench` measures, in the order in which it measures all of it. */
export const BENCHMARKS: readonly Benchmark[] = [
  start,
  memory,
  cost,
  hash,
  registration,
  login,
  me,
  refresh,
  flow,
];
