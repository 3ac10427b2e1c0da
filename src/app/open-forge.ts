import type { Config } from '../../config/index.ts';
import type { Argon2Params } from '../crypto/argon2/engine.ts';
import { selectEngine } from '../crypto/argon2/select-engine.ts';
import { createForge, type Forge } from '../crypto/forge.ts';
import { HASH_BYTES } from '../crypto/phc.ts';
import { systemClock } from '../lib/clock.ts';
import type { Scope } from '../lib/lifecycle.ts';
import type { Tracer } from '../lib/tracer.ts';

/** The configured cost of a hash. */
export function hashParams({ hash }: Config): Argon2Params {
  const { memoryKib, passes, parallelism } = hash;
  return { memoryKib, passes, parallelism, length: HASH_BYTES };
}

/**
 * Opens this process's Forge and measures its rate.
 * @param processes how many processes divide the host's slots among them
 */
export async function openForge(
  config: Config,
  scope: Scope,
  processes: number,
  tracer?: Tracer,
): Promise<Forge> {
  const forge = createForge({
    engine: await selectEngine(config.hash.engine),
    slots: Math.max(1, Math.floor(config.hash.slots / processes)),
    cost: hashParams(config),
    queueLimit: config.hash.queue,
    clock: systemClock,
    step: tracer && ((name, work) => tracer.step(name, {}, work)),
  });
  await forge.calibrate();
  return scope.own('Forge', forge, (opened) => opened.close());
}
