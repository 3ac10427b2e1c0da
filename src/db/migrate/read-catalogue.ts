import type { ClientBase, QueryResultRow } from 'pg';

/** One table as PostgreSQL has it; every text is PostgreSQL's own rendering. */
export interface CatalogueTable {
  persistence: 'permanent' | 'unlogged';
  /** Storage parameters, such as `fillfactor=90`; empty when there are none. */
  options: string;
  columns: Record<string, string>;
  constraints: Record<string, string>;
  indexes: Record<string, string>;
}

export type Catalogue = Record<string, CatalogueTable>;

/**
 * Reads the schema from PostgreSQL's catalogue, in an order that depends on nothing else: what
 * Prisma's engine does not compare (CHECK constraints, collations, predicates of indexes,
 * persistence, storage options) together with what it does.
 */
export async function readCatalogue(client: Pick<ClientBase, 'query'>): Promise<Catalogue> {
  const all = async <Row extends QueryResultRow>(text: string) =>
    (await client.query<Row>(text)).rows;
  const tables = await all<TableRow>(TABLES);
  const columns = await all<PartRow>(COLUMNS);
  const constraints = await all<PartRow>(CONSTRAINTS);
  const indexes = await all<PartRow>(INDEXES);

  const partsOf = (parts: readonly PartRow[], name: string) =>
    Object.fromEntries(
      parts.filter((part) => part.table === name).map((part) => [part.name, part.definition]),
    );
  return Object.fromEntries(
    tables.map(({ name, persistence, options }) => [
      name,
      {
        persistence,
        options,
        columns: partsOf(columns, name),
        constraints: partsOf(constraints, name),
        indexes: partsOf(indexes, name),
      },
    ]),
  );
}

interface TableRow {
  name: string;
  persistence: CatalogueTable['persistence'];
  options: string;
}

interface PartRow {
  table: string;
  name: string;
  definition: string;
}

/** Our tables: not the engine's history. */
const OURS = `t.relnamespace = 'public'::regnamespace AND t.relkind = 'r'
  AND t.relname <> '_prisma_migrations'`;

const TABLES = `
  SELECT t.relname AS name,
         CASE t.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'permanent' END AS persistence,
         coalesce(array_to_string(t.reloptions, ', '), '') AS options
    FROM pg_class t
   WHERE ${OURS}
   ORDER BY t.relname COLLATE "C"`;

const COLUMNS = `
  SELECT t.relname AS table, a.attname AS name,
         concat_ws(' ', format_type(a.atttypid, a.atttypmod),
                   'COLLATE ' || quote_ident(c.collname),
                   CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                   'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)) AS definition
    FROM pg_attribute a
    JOIN pg_class t ON t.oid = a.attrelid
    JOIN pg_type y ON y.oid = a.atttypid
    LEFT JOIN pg_collation c ON c.oid = a.attcollation AND c.oid <> y.typcollation
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE ${OURS} AND a.attnum > 0 AND NOT a.attisdropped
   ORDER BY t.relname COLLATE "C", a.attnum`;

// NOT NULL became a constraint of its own in PostgreSQL 18; the column says it already.
const CONSTRAINTS = `
  SELECT t.relname AS table, c.conname AS name, pg_get_constraintdef(c.oid) AS definition
    FROM pg_constraint c
    JOIN pg_class t ON t.oid = c.conrelid
   WHERE ${OURS} AND c.contype <> 'n'
   ORDER BY t.relname COLLATE "C", c.conname COLLATE "C"`;

const INDEXES = `
  SELECT t.relname AS table, i.relname AS name, pg_get_indexdef(i.oid) AS definition
    FROM pg_index x
    JOIN pg_class t ON t.oid = x.indrelid
    JOIN pg_class i ON i.oid = x.indexrelid
   WHERE ${OURS}
   ORDER BY t.relname COLLATE "C", i.relname COLLATE "C"`;
