import { availableParallelism } from 'node:os';
import { choice, duration, integer, type Setting } from '../setting.ts';

/** How passwords are hashed, and how far that may lag behind. */
export const hashing = {
  'hash.mode': choice(['adaptive', 'sync', 'deferred'], {
    about: 'Hash before answering (sync), after it (deferred), or after it in a burst (adaptive).',
    default: 'adaptive',
  }),
  'hash.memory_kib': integer({
    about: 'Argon2id memory; with hash.passes never below the OWASP minimum.',
    default: 19_456,
    min: 7_168,
    max: 262_144,
    unit: 'KiB',
  }),
  'hash.passes': integer({
    about: 'Argon2id passes; times hash.memory_kib at most 1048576.',
    default: 2,
    min: 1,
    max: 16,
  }),
  'hash.parallelism': integer({
    about: 'Argon2id lanes.',
    default: 1,
    min: 1,
    max: 16,
  }),
  'hash.engine': choice(['auto', 'node-rs', 'argon2'], {
    about: 'The Argon2 library; auto takes the faster one that loads here.',
    default: 'auto',
  }),
  'hash.slots': integer({
    about: 'Hashes at once on this host, divided among its processes.',
    default: availableParallelism(),
    min: 1,
    max: 256,
    without: 'the number of cores',
    example: '4',
  }),
  'hash.queue': integer({
    about: 'Hashes that may wait for a slot; one more is refused with 503.',
    min: 0,
    max: 100_000,
    without: 'one second of the measured rate',
    example: '100',
  }),
  'hash.nice': integer({
    about:
      'How far hashing steps back for requests that hash nothing, and for other processes (Linux); 0 is an equal share of the CPU.',
    default: 10,
    min: 0,
    max: 19,
  }),
  'hash.backlog_max_age': duration({
    about: 'How long a deferred hash may stay pending; bounds how many are accepted.',
    default: '10m',
    min: '1s',
    max: '24h',
  }),
  'hash.max_tries': integer({
    about: 'Tries at a pending hash before it is parked and its user must reset the password.',
    default: 5,
    min: 1,
    max: 100,
  }),
} as const satisfies Record<string, Setting>;
