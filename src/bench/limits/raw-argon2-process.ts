import { selectEngine } from '../../crypto/argon2/select-engine.ts';
import { systemClock } from '../../lib/clock.ts';
import { serveTask } from '../child/serve-task.ts';
import type { RawArgon2Input, RawArgon2Rate } from './raw-argon2.ts';

const INPUT = Buffer.alloc(32, 1);
const SALT = Buffer.alloc(16, 2);
/** The first hashes pay for the thread pool and the memory of the process. */
const WARMUP_ROUNDS = 2;

serveTask<RawArgon2Input, RawArgon2Rate>(async (input) => {
  const { memoryKib, passes, parallelism, slots } = input;
  const engine = await selectEngine(input.engine);
  const params = { memoryKib, passes, parallelism, length: 32 };
  const hash = () => engine.hashRaw(INPUT, SALT, params);
  const each = (work: () => Promise<unknown>) => Promise.all(Array.from({ length: slots }, work));
  for (let round = 0; round < WARMUP_ROUNDS; round++) await each(hash);

  const startedAt = systemClock.monotonicMs();
  const elapsed = () => systemClock.monotonicMs() - startedAt;
  let hashes = 0;
  await each(async () => {
    while (elapsed() < input.durationMs) {
      await hash();
      hashes += 1;
    }
  });
  return { engine: engine.name, hashes, perSecond: (hashes * 1_000) / elapsed() };
});
