import {
  randomInt as drawInt,
  randomBytes as drawLarge,
  randomFillSync as refillFrom,
} from 'node:crypto';

/**
 * The only place that draws randomness (a CSPRNG, seeded by the kernel).
 *
 * A call into the generator costs about 5 microseconds whatever its size, which at 15,000
 * registrations a second is a fifth of a core; small draws are cut from a pool instead, and wiped
 * from it at once so that what was handed out cannot be read back from memory.
 */
const POOL_BYTES = 8_192;
const LARGEST_POOLED_DRAW = 256;
const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

/** Draws `length` random bytes. */
export function randomBytes(length: number): Buffer {
  if (length > LARGEST_POOLED_DRAW) return drawLarge(length);
  const bytes = Buffer.allocUnsafe(length);
  drawInto(bytes, 0);
  return bytes;
}

/** Draws a whole number from `min` (inclusive) to `max` (exclusive), without modulo bias. */
export function randomInt(min: number, max: number): number {
  return drawInt(min, max);
}

/**
 * Spreads what failed together: a time and up to a fifth more, never less, so that nobody is asked
 * again too early.
 * @returns whole milliseconds
 */
export function withJitter(ms: number): number {
  return ms + drawInt(0, Math.floor(ms / 5) + 1);
}

/** No 0/O and no 1/I: what is read off a screen is typed right. 32 symbols, five bits each. */
export const CODE_ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';

/** Draws a code a person types: 5 bits a character, no bias, as 256 is a multiple of 32. */
export function randomCode(length: number): string {
  let code = '';
  for (const byte of randomBytes(length)) code += CODE_ALPHABET[byte % CODE_ALPHABET.length];
  return code;
}

/** What the 12-bit counter of a UUIDv7 can hold; it starts below half, so a burst has room. */
const COUNTER_LIMIT = 0x1000;
const COUNTER_SEED_MASK = 0x7ff;
const scratch = Buffer.alloc(16);
let lastMs = 0;
let counter = 0;

/**
 * Makes a UUIDv7 (RFC 9562 section 5.7), strictly increasing within this process, also when the
 * clock stands still or goes back (section 6.2, method 1: a counter in `rand_a`, seeded afresh each
 * millisecond). 62 bits stay random, so ids cannot be guessed from their neighbours.
 * @param nowMs Unix time in whole milliseconds
 */
export function uuidv7(nowMs: number): string {
  drawInto(scratch, 6);
  const seed = scratch.readUInt16BE(6) & COUNTER_SEED_MASK;
  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = seed;
  } else if (++counter === COUNTER_LIMIT) {
    lastMs += 1;
    counter = seed;
  }
  scratch.writeUIntBE(lastMs, 0, 6);
  scratch.writeUInt16BE(0x7000 | counter, 6);
  scratch.writeUInt8(0x80 | (scratch.readUInt8(8) & 0x3f), 8);
  return formatUuid(scratch);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a text is a UUID in the one spelling we write: lower case, with hyphens. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** The 16 bytes of a UUID. @throws TypeError when the text is not one */
export function uuidBytes(uuid: string): Buffer {
  const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
  if (uuid.length !== 36 || bytes.length !== 16) throw new TypeError('not a UUID');
  return bytes;
}

/** Writes 16 bytes as a UUID: the inverse of `uuidBytes`. */
export function formatUuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Fills `target` from `start` on with bytes of the pool. */
function drawInto(target: Buffer, start: number): void {
  const length = target.length - start;
  if (used + length > POOL_BYTES) {
    refillFrom(pool);
    used = 0;
  }
  pool.copy(target, start, used, used + length);
  pool.fill(0, used, used + length);
  used += length;
}
