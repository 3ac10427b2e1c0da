import { requireWritable } from '../db/check-server.ts';
import { checkSchema } from '../db/migrate/check-schema.ts';
import type { HealthChecks } from '../http/health.ts';
import type { EventLoopWatch } from '../lib/event-loop-watch.ts';
import type { Core } from './core.ts';

/** What must work in every process that serves or works for long. */
export function healthChecks({ db, keys, store }: Core, eventLoop: EventLoopWatch): HealthChecks {
  return {
    database: async () => {
      await requireWritable(db);
      await checkSchema(db, store.known);
    },
    keys: async () => {
      await keys.ring();
    },
    event_loop: () => {
      if (eventLoop.isLate()) throw new Error('late');
    },
  };
}
