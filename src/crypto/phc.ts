import phcFormat from '@phc/format';
import {
  type Argon2Cost,
  type Argon2Params,
  type Argon2Variant,
  isSameCost,
} from './argon2/engine.ts';

export interface Phc {
  readonly params: Argon2Params;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** What we write; foreign strings may differ. */
export const HASH_BYTES = 32;
const VERSION = 0x13;

/**
 * What a stored or imported string may cost. Within these, one hash stays below a second or so;
 * beyond them it is refused before it takes memory, as an imported `m=4194304` would end the process.
 */
export const MAX_COST = { memoryKib: 262_144, passes: 16, parallelism: 16 } as const;
/** Memory times passes: 1 GiB written in all. */
const MAX_WORK_KIB = 1_048_576;

/** Writes `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, in the order the reference decoder asks for. */
export function formatPhc(cost: Argon2Cost, salt: Buffer, hash: Buffer): string {
  const params = { m: cost.memoryKib, t: cost.passes, p: cost.parallelism };
  return phcFormat.serialize({ id: 'argon2id', version: VERSION, params, salt, hash });
}

/**
 * Reads an Argon2id string, strictly: version 19, the parameters m, t and p once each, canonical
 * base64, cost within `MAX_COST`.
 * @param variant what an imported string may be instead
 * @returns null for anything else
 */
export function parsePhc(text: string, variant: Argon2Variant = 'id'): Phc | null {
  if (text.length > 512) return null;
  try {
    const { id, version, params, salt, hash } = phcFormat.deserialize(text);
    if (id !== `argon2${variant}` || version !== VERSION || !params || !salt || !hash) return null;
    const isCanonical =
      phcFormat.serialize({ id, version, params: { ...params }, salt, hash }) === text;
    const { m, t, p, ...others } = params;
    if (!isCanonical || Object.keys(others).length > 0) return null;
    if (typeof m !== 'number' || typeof t !== 'number' || typeof p !== 'number') return null;
    const cost = { memoryKib: m, passes: t, parallelism: p };
    if (!isAffordable(cost) || !isWithin(salt.length, 8, 64) || !isWithin(hash.length, 16, 64))
      return null;
    const kind = variant === 'id' ? {} : { variant };
    return { params: { ...cost, length: hash.length, ...kind }, salt, hash };
  } catch {
    // The library throws on every text it cannot read; to us that is no hash at all.
    return null;
  }
}

/** Whether a stored hash was made with other parameters than the current ones. */
export function needsRehash(phc: Phc, current: Argon2Cost): boolean {
  return !isSameCost(phc.params, current) || phc.hash.length !== HASH_BYTES;
}

/** Whether a stored or imported hash of this cost may be computed at all. */
export function isAffordable({ memoryKib, passes, parallelism }: Argon2Cost): boolean {
  return (
    isWithin(parallelism, 1, MAX_COST.parallelism) &&
    isWithin(passes, 1, MAX_COST.passes) &&
    isWithin(memoryKib, 8 * parallelism, MAX_COST.memoryKib) &&
    memoryKib * passes <= MAX_WORK_KIB
  );
}

function isWithin(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}
