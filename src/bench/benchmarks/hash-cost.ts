/** What a throwaway appliance hashes with: the defaults of the settings. */
export const DEFAULT_HASH = {
  engine: 'auto',
  memoryKib: 19_456,
  passes: 2,
  parallelism: 1,
} as const;

/** What share of the raw Argon2id rate the worker must reach. */
export const DRAIN_BAR = 0.9;
