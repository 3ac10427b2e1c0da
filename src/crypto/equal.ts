import { timingSafeEqual } from 'node:crypto';

/**
 * Whether two byte strings are the same, in a time that does not depend on where they differ.
 * Meant for digests, MACs and hashes, whose length is public: other lengths are simply unequal.
 */
export function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
