import { PrismaPg } from '@prisma/adapter-pg';
import {
  DriverAdapterError,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import { DatabaseError, type Pool } from 'pg';

/**
 * Marks the migration that is running as finished. The engine does so itself, but only after the
 * script has been committed: a process killed in between would leave a changed schema that the
 * history calls unfinished. Under the migration lock there is at most one unfinished row.
 */
const RECORD = `UPDATE _prisma_migrations SET finished_at = now()
  WHERE finished_at IS NULL AND rolled_back_at IS NULL`;

/**
 * Prisma's adapter, with one difference: a migration and its record in the history are one
 * transaction. The stock adapter cuts the script at each `;` (also inside strings, comments and
 * function bodies) and commits the pieces one by one. Sent whole, by the simple query protocol,
 * PostgreSQL parses it and runs it as one transaction.
 *
 * The price: a migration cannot use `CREATE INDEX CONCURRENTLY`.
 * @param onFailure told the script and the error, of which the engine passes on the text only
 */
export function createAtomicAdapter(
  session: Pool,
  onFailure: (script: string, error: unknown) => void,
): SqlMigrationAwareDriverAdapterFactory {
  const factory = new PrismaPg(session);

  async function executeScript(script: string): Promise<void> {
    try {
      await session.query(`${script}\n;\n${RECORD}`);
    } catch (error) {
      onFailure(script, error);
      throw toAdapterError(error);
    }
  }

  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () => Object.assign(await factory.connect(), { executeScript }),
    connectToShadowDb: () => Promise.reject(new Error('shadow databases are not used')),
  };
}

function toAdapterError(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error;
  return new DriverAdapterError({
    kind: 'postgres',
    code: error.code ?? 'N/A',
    severity: error.severity ?? 'N/A',
    message: error.message,
    detail: error.detail,
    column: error.column,
    hint: error.hint,
  });
}
