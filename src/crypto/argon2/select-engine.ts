import { AppError } from '../../errors.ts';
import { isEqual } from '../equal.ts';
import type { Argon2Engine, Argon2EngineName } from './engine.ts';

type Loaders = Readonly<Record<Argon2EngineName, () => Promise<Argon2Engine>>>;

/** Loaded when asked for: a native binding that is missing must not keep the other from working. */
const LOADERS: Loaders = {
  'node-rs': async () => (await import('./node-rs.ts')).nodeRsEngine,
  argon2: async () => (await import('./argon2.ts')).argon2Engine,
};

/**
 * Loads an Argon2 engine and checks its answer to a known question: a binding that computes
 * something else would write hashes that no other node can verify.
 * @param preference `auto` takes the fastest that works
 * @throws AppError `config_invalid` when none of those asked for works
 */
export async function selectEngine(
  preference: 'auto' | Argon2EngineName,
  loaders: Loaders = LOADERS,
): Promise<Argon2Engine> {
  const names = preference === 'auto' ? (['node-rs', 'argon2'] as const) : [preference];
  const causes: unknown[] = [];
  for (const name of names) {
    try {
      const engine = await loaders[name]();
      await checkKnownAnswer(engine);
      return engine;
    } catch (error) {
      causes.push(error);
    }
  }
  throw new AppError('config_invalid', {
    text: `The Argon2 engine (${names.join(', ')}) does not work on this machine.`,
    hint: 'run `npm ci` again on this machine, or set AUTHCTL_HASH_ENGINE=auto',
    cause: new AggregateError(causes),
  });
}

async function checkKnownAnswer({ name, hashRaw }: Argon2Engine): Promise<void> {
  const params = { memoryKib: 256, passes: 2, parallelism: 1, length: 32 };
  const hash = await hashRaw(Buffer.from('password'), Buffer.from('somesalt'), params);
  // From the reference implementation's own tests (phc-winner-argon2, src/test.c).
  const expected = '9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe';
  if (!isEqual(hash, Buffer.from(expected, 'hex')))
    throw new Error(`${name} computes wrong hashes`);
}
