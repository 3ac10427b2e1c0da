import { setFlagsFromString } from 'node:v8';

/**
 * Makes V8 allocate whatever a request needs in the young generation, always.
 *
 * In a burst some hundred requests are alive while a batch is written, so V8 sees them survive its
 * scavenges and "pretenures" their objects: it allocates the next ones in the old generation at once
 * (V8's `allocation-site-pretenuring`). There they outlive their request until the next full
 * collection, and keep alive all young objects they point to, which every scavenge then copies twice.
 * Measured on bursts of registrations: 6 to 7 KB promoted a request instead of 3, and a tenth to a
 * third more CPU (`docs/performance.md`). Some processes fell into that state, others never did.
 *
 * Of the whole process, and of code compiled from now on: to be called before the first request.
 */
export function keepRequestsYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
