import type { Pool } from 'pg';
import { AppError } from '../../errors.ts';

/**
 * Makes sure that no process of authctl has announced itself in the last ten seconds: what it works
 * on must not be taken from under it.
 * @throws AppError `conflict`, naming them
 */
export async function refuseWhileInUse(session: Pool): Promise<void> {
  const exists = await session.query(`SELECT FROM pg_class WHERE oid = to_regclass('nodes')`);
  if (exists.rowCount === 0) return;
  const { rows } = await session.query<{ name: string }>(
    `SELECT kind || ' ' || pid || ' on ' || host AS name FROM nodes
     WHERE seen_at > now() - interval '10 s' ORDER BY host, pid`,
  );
  if (rows.length === 0) return;
  throw new AppError('conflict', {
    text: `Processes of authctl are at work on this database: ${rows.map(({ name }) => name).join(', ')}.`,
    hint: 'stop them first (one that was killed is forgotten after 10 s), then run again: authctl migrate down',
  });
}
