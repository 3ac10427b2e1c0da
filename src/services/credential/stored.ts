/**
 * A password at rest, in one of three forms:
 * - *pending*: `pending` holds the keyed prehash `x`, waiting for Argon2id;
 * - *final*: `phc` holds Argon2id(x), with the pepper and salt that make `x`;
 * - *imported*: `phc` holds another system's hash of the bare password (no pepper), until its
 *   owner signs in.
 *
 * A final one without a salt is none: see `phcOfNoPassword`.
 */
export interface StoredCredential {
  readonly userId: string;
  /** Raised by every change of the password: a stale job or promotion matches no row. */
  readonly version: number;
  readonly pepperKid: string | null;
  readonly salt: Buffer | null;
  readonly pending: Buffer | null;
  readonly phc: string | null;
}

/** The id of no user: stands in for one where an attempt at nobody's account must cost the same. */
export const NOBODY = '00000000-0000-7000-8000-000000000000';

/** What is written for a new password: pending or final, never both. */
export interface NewCredential {
  readonly pepperKid: string;
  readonly salt: Buffer;
  readonly pending: Buffer | null;
  readonly phc: string | null;
}

/** The columns of `credentials` that make a `StoredCredential`. */
export interface CredentialColumns {
  user_id: string;
  version: number;
  pepper_kid: string | null;
  salt: Buffer | null;
  pending: Buffer | null;
  phc: string | null;
}

export function toStoredCredential(row: CredentialColumns): StoredCredential {
  return {
    userId: row.user_id,
    version: row.version,
    pepperKid: row.pepper_kid,
    salt: row.salt,
    pending: row.pending,
    phc: row.phc,
  };
}
