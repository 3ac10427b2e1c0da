import { hashRaw } from '@node-rs/argon2';
import type { Argon2Engine } from './engine.ts';

/** Rust, with AVX2 where the processor has it: about twice as fast as the prebuilt `argon2`. */
export const nodeRsEngine: Argon2Engine = {
  name: 'node-rs',
  hashRaw: (input, salt, { memoryKib, passes, parallelism, length, variant }) =>
    hashRaw(input, {
      salt,
      memoryCost: memoryKib,
      timeCost: passes,
      parallelism,
      outputLen: length,
      algorithm: variant === 'i' ? 1 : 2, // the package's enums exist in its types only
      version: 1, // 0x13
    }),
};
