import { argon2i, argon2id, hash } from 'argon2';
import type { Argon2Engine } from './engine.ts';

/** The reference implementation in C: slower, and there for platforms without the other's binding. */
export const argon2Engine: Argon2Engine = {
  name: 'argon2',
  hashRaw: (input, salt, { memoryKib, passes, parallelism, length, variant }) =>
    hash(input, {
      raw: true,
      type: variant === 'i' ? argon2i : argon2id,
      version: 0x13,
      salt,
      memoryCost: memoryKib,
      timeCost: passes,
      parallelism,
      hashLength: length,
    }),
};
