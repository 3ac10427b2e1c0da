import { selectEngine } from '../../crypto/argon2/select-engine.ts';
import { serveTask } from '../child/serve-task.ts';
import { measureRate } from './rate.ts';
import type { RawArgon2Input, RawArgon2Rate } from './raw-argon2.ts';

const INPUT = Buffer.alloc(32, 1);
const SALT = Buffer.alloc(16, 2);
/** The first hashes pay for the thread pool and the memory of the process. */
const WARMUP_MS = 100;

serveTask<RawArgon2Input, RawArgon2Rate>(async (input) => {
  const { memoryKib, passes, parallelism, slots, durationMs } = input;
  const engine = await selectEngine(input.engine);
  const params = { memoryKib, passes, parallelism, length: 32 };
  const hash = () => engine.hashRaw(INPUT, SALT, params);
  await measureRate(slots, WARMUP_MS, hash);
  const { count, perSecond } = await measureRate(slots, durationMs, hash);
  return { engine: engine.name, hashes: count, perSecond };
});
