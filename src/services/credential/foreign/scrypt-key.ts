import { scrypt } from 'node:crypto';

export interface ScryptCost {
  /** CPU and memory cost N, a power of two. */
  readonly n: number;
  /** Block size. */
  readonly r: number;
  /** Parallelisation. */
  readonly p: number;
}

/** As for Argon2: what one check may take of memory, and write in all. */
const MAX_MEMORY_BYTES = 268_435_456;
const MAX_WORK_BYTES = 536_870_912;

export function isValidCost({ n, r, p }: ScryptCost): boolean {
  return Number.isInteger(Math.log2(n)) && n >= 2 && r >= 1 && p >= 1;
}

/** Whether a check stays within 256 MiB and about a second: N=2^17, r=8, p=1 does, p=4 too. */
export function isAffordableCost({ n, r, p }: ScryptCost): boolean {
  const memory = 128 * n * r;
  return memory <= MAX_MEMORY_BYTES && memory * p <= MAX_WORK_BYTES && r * p <= 1_024;
}

/** Derives a key (RFC 7914) on a thread of the pool. */
export function deriveScryptKey(
  password: Buffer,
  salt: Buffer,
  { n, r, p }: ScryptCost,
  length: number,
): Promise<Buffer> {
  // OpenSSL counts what scrypt needs beside its big table too.
  const maxmem = 128 * r * (n + p + 2) + 1_048_576;
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, { N: n, r, p, maxmem }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
