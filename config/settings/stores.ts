import { tuning } from '../list-items.ts';
import { secretUrl } from '../secret-setting.ts';
import { duration, integer, list, type Setting } from '../setting.ts';

/** Where it keeps its data. */
export const stores = {
  'database.url': secretUrl({
    about: 'The PostgreSQL server (15 or newer).',
    protocols: ['postgres', 'postgresql'],
    without: 'an embedded PostgreSQL in the data folder',
    example: 'postgres://authctl:password@db.internal:5432/authctl',
  }),
  'database.pool': integer({
    about: 'Connections of one API process.',
    default: 10,
    min: 2,
    max: 500,
  }),
  'database.worker_pool': integer({
    about: 'Connections of the worker.',
    default: 4,
    min: 2,
    max: 100,
  }),
  'database.statement_timeout': duration({
    about: 'The server cancels a statement that takes longer.',
    default: '10s',
    min: '100ms',
    max: '10m',
  }),
  'database.tuning': list({
    about:
      'PostgreSQL settings of the embedded server: its memory, write-ahead log, planner and vacuum. They hold from its next start.',
    item: tuning,
    expects: 'name=value of settings such as shared_buffers, work_mem, max_wal_size',
    without: 'ours: small, for a machine that has other work',
    example: 'shared_buffers=1GB, effective_cache_size=3GB, max_wal_size=4GB',
  }),
  'valkey.url': secretUrl({
    about: 'A Valkey or Redis server for the limit counters of many nodes.',
    protocols: ['redis', 'rediss', 'valkey', 'valkeys'],
    without: 'counters live in PostgreSQL',
    example: 'rediss://:password@valkey.internal:6379/0',
  }),
  'valkey.timeout': duration({
    about: 'After this long without an answer a local limiter takes over.',
    default: '50ms',
    min: '5ms',
    max: '5s',
  }),
} as const satisfies Record<string, Setting>;
