/** The cost of one Argon2id hash. */
export interface Argon2Cost {
  readonly memoryKib: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** Ours is `id`; `i` is found in imported hashes. */
export type Argon2Variant = 'id' | 'i';

/** What is needed to compute a stored hash again. */
export interface Argon2Params extends Argon2Cost {
  /** Bytes of the hash; 32 unless a foreign string says otherwise. */
  readonly length: number;
  readonly variant?: Argon2Variant;
}

/**
 * Computes Argon2, version 0x13 (RFC 9106), `id` unless told: bytes in, bytes out. Encoding and
 * comparing are ours, once for all engines, because theirs differ in the order of parameters and in
 * what they accept.
 */
export type Argon2Raw = (input: Buffer, salt: Buffer, params: Argon2Params) => Promise<Buffer>;

export type Argon2EngineName = 'node-rs' | 'argon2';

export interface Argon2Engine {
  readonly name: Argon2EngineName;
  readonly hashRaw: Argon2Raw;
}

/** Whether two hashes cost the same, whatever their length. */
export function isSameCost(left: Argon2Cost, right: Argon2Cost): boolean {
  return (
    left.memoryKib === right.memoryKib &&
    left.passes === right.passes &&
    left.parallelism === right.parallelism
  );
}
