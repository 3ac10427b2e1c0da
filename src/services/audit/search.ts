import { isUuid } from '../../crypto/random.ts';
import { type Db, statement } from '../../db/database.ts';
import type { Actor } from './actor.ts';
import { firstIdOf } from './first-id.ts';

/** One security-relevant action, as it was recorded. */
export interface AuditRecord {
  readonly id: string;
  readonly at: Date;
  readonly action: string;
  readonly result: 'ok' | 'refused';
  readonly actor_kind: Actor['kind'];
  readonly actor_id: string | null;
  /** Whom it concerns. */
  readonly user_id: string | null;
  readonly ip: string | null;
  readonly user_agent: string | null;
  readonly request_id: string | null;
  readonly detail: Readonly<Record<string, unknown>> | null;
}

/** Which records; every part that is given must hold. */
export interface AuditFilter {
  readonly userId?: string | undefined;
  /** A whole action (`password.changed`), or all of an area (`password.*`). */
  readonly action?: string | undefined;
  /** At this time or later. */
  readonly since?: Date | undefined;
  /** Before this time. */
  readonly until?: Date | undefined;
}

const WRITTEN = `
  SELECT id, at, action, result, actor_kind, actor_id, user_id, ip, user_agent, request_id, detail
  FROM audit`;
// A registration is recorded by its user row: an insert of its own would cost a sixth of the rate.
// Only who registered himself has an address there; what an operator creates is audited as that.
const REGISTRATIONS = `
  SELECT id, created_at AS at, 'user.registered' AS action, 'ok' AS result,
         'anonymous' AS actor_kind, NULL::text AS actor_id, id AS user_id, created_ip AS ip,
         created_agent AS user_agent, created_request_id AS request_id, NULL::jsonb AS detail
  FROM users WHERE created_ip IS NOT NULL`;

// Ids are UUIDv7, made at or after the time they are about: their order is the records' order, both
// tables have it as their key, and nothing at or after `since` has an id before it.
const MATCHES = `($1::uuid IS NULL OR user_id = $1)
  AND ($2::text IS NULL OR action = $2 OR ($2 LIKE '%.*' AND starts_with(action, left($2, -1))))
  AND ($3::timestamptz IS NULL OR at >= $3) AND id >= $4 AND ($5::timestamptz IS NULL OR at < $5)`;

const NEWEST = statement('audit.newest', page('id < $6', 'DESC'));
const OLDEST = statement('audit.oldest', page('id > $6', 'ASC'));

/** Each half is limited by itself, or PostgreSQL would sort all users to find the first few. */
function page(beyondCursor: string, direction: 'ASC' | 'DESC'): string {
  const end = `ORDER BY id ${direction} LIMIT $7`;
  const halves = [WRITTEN, REGISTRATIONS].map(
    (source) => `(SELECT * FROM (${source}) AS records
                  WHERE ${MATCHES} AND ($6::uuid IS NULL OR ${beyondCursor}) ${end})`,
  );
  return `${halves.join(' UNION ALL ')} ${end}`;
}

const EXPORT_PAGE = 1_000;
const BEGINNING = new Date(0);

export interface AuditSearch {
  /**
   * The newest records first, registrations among them.
   * @param before the id of the last record of the page before this one
   */
  list(filter: AuditFilter, limit: number, before?: string): Promise<AuditRecord[]>;
  /** All records that match, the oldest first, read page by page: no memory, no long transaction. */
  all(filter: AuditFilter): AsyncGenerator<AuditRecord, void>;
}

/** Reads the audit trail. */
export function createAuditSearch({ db }: { db: Db }): AuditSearch {
  function read(
    what: typeof NEWEST,
    filter: AuditFilter,
    limit: number,
    cursor: string | undefined,
  ): Promise<AuditRecord[]> {
    const { userId, action, since, until } = filter;
    // A malformed id names nobody; PostgreSQL would refuse the statement.
    if ([userId, cursor].some((id) => id !== undefined && !isUuid(id))) return Promise.resolve([]);
    const values = [userId, action, since, firstIdOf(since ?? BEGINNING), until, cursor, limit];
    return db.query<AuditRecord>(
      what,
      values.map((value) => value ?? null),
    );
  }

  return {
    list: (filter, limit, before) => read(NEWEST, filter, limit, before),

    async *all(filter) {
      let cursor: string | undefined;
      for (;;) {
        const page = await read(OLDEST, filter, EXPORT_PAGE, cursor);
        yield* page;
        cursor = page.at(-1)?.id;
        if (page.length < EXPORT_PAGE) return;
      }
    },
  };
}
