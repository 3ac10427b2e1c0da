import { duration, integer, type Setting, toggle } from '../setting.ts';

/** What the worker may use, and what it tidies. */
export const worker = {
  'worker.memory_mib': integer({
    about: 'Heap of the worker process.',
    default: 192,
    min: 64,
    max: 65_536,
    unit: 'MiB',
  }),
  'worker.management': toggle({
    about:
      'A worker started alone serves health and metrics on management.host and management.port.',
    default: false,
    example: 'on',
  }),
  'worker.nice': integer({
    about: 'How far the worker steps back for other processes; 0 is an equal share of the CPU.',
    default: 15,
    min: 0,
    max: 19,
  }),
  'sweeper.interval': duration({
    about: 'How often expired rows are removed.',
    default: '60s',
    min: '100ms',
    max: '24h',
  }),
  'sweeper.batch': integer({
    about: 'Rows removed by one statement at most.',
    default: 1_000,
    min: 1,
    max: 100_000,
  }),
  'audit.retention': duration({
    about: 'Audit records are kept this long, at least a day; 0s: for ever.',
    default: '400d',
    min: '0s',
    max: '36500d',
  }),
} as const satisfies Record<string, Setting>;
