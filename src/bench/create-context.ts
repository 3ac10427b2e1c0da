import { availableParallelism } from 'node:os';
import { randomBytes } from '../crypto/random.ts';
import type { BenchContext } from './context.ts';
import { readCpuTime, stolenShare } from './stolen-time.ts';

/** No context word, no common password; the appliance checks it like any other. */
const PASSWORD = 'Quiet-Lagoon-Traverse-88';
const RUN_ID_BYTES = 5;

/** What the caller of a benchmark brings; the rest is the same for everybody. */
type Given = Omit<BenchContext, 'slots' | 'password' | 'runId' | 'stolenShare'>;

export function createBenchContext(given: Given): BenchContext {
  const before = readCpuTime();
  return {
    ...given,
    stolenShare: () => stolenShare(before, readCpuTime()),
    slots: availableParallelism(),
    password: PASSWORD,
    runId: (part) => part + randomBytes(RUN_ID_BYTES).toString('hex'),
  };
}
