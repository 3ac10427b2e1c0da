import type { Argon2Cost, Argon2Params } from '../../crypto/argon2/engine.ts';
import { formatPhc, HASH_BYTES } from '../../crypto/phc.ts';
import { randomBytes } from '../../crypto/random.ts';

/** Of what Argon2id is given; a prehash has a salt of its own, of the same length. */
export const SALT_BYTES = 16;

/**
 * Makes the final form of a prehash: Argon2id under a salt of its own, as a PHC string.
 * @param x the keyed prehash of a password
 * @param hash computes it: for a request, a reservation or in the background
 */
export async function hashToPhc(
  x: Buffer,
  params: Argon2Params,
  hash: (input: Buffer, salt: Buffer, params: Argon2Params) => Promise<Buffer>,
): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  return formatPhc(params, salt, await hash(x, salt, params));
}

/**
 * Stands in where there is no password: random bytes in the usual form. No password makes them, and
 * checking one against them costs what it always costs. That there is none shows by the missing salt
 * of the credential (see `StoredCredential`).
 * @param cost what such a check costs: the current parameters
 */
export function phcOfNoPassword(cost: Argon2Cost): string {
  return formatPhc(cost, randomBytes(SALT_BYTES), randomBytes(HASH_BYTES));
}
