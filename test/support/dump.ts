import type { TestAppliance } from './appliance.ts';

/** Every row of every table as text, as a thief of the database would read it. */
export type Dump = Record<string, string[]>;

/** @param except tables to leave out */
export async function dumpDatabase(
  appliance: TestAppliance,
  except: readonly string[] = [],
): Promise<Dump> {
  const tables = await appliance.sql<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1`,
  );
  const dump: Dump = {};
  for (const { name } of tables) {
    if (except.includes(name)) continue;
    const rows = await appliance.sql<{ row: string }>(
      `SELECT t::text AS row FROM "${name}" AS t ORDER BY 1`,
    );
    dump[name] = rows.map(({ row }) => row);
  }
  return dump;
}
