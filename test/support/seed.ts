import { randomInt } from 'node:crypto';

/** What random tests start from: `TEST_SEED` repeats a run, else each run tries something new. */
export const seed = Number(process.env['TEST_SEED'] ?? randomInt(2 ** 31));
