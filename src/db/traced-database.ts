import type { TraceOptions, Tracer } from '../lib/tracer.ts';
import type { Db, Queryable } from './database.ts';

const STEP: TraceOptions = { kind: 'client', facts: { 'db.system.name': 'postgresql' } };

/** A database whose statements are steps of the trace they are run for: by name, never by value. */
export function traceDatabase(db: Db, tracer: Tracer): Db {
  function traced(on: Queryable): Queryable {
    return {
      query: (what, values) => tracer.step(what.name, STEP, () => on.query(what, values)),
      execute: (what, values) => tracer.step(what.name, STEP, () => on.execute(what, values)),
    };
  }

  return {
    ...db,
    ...traced(db),
    transaction: (work) =>
      tracer.step('transaction', STEP, () => db.transaction((tx) => work(traced(tx)))),
  };
}
