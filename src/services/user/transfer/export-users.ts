import { type Db, statement } from '../../../db/database.ts';

interface ExportedColumns {
  id: string;
  email: string | null;
  username: string | null;
  phone: string | null;
  status: string;
  role: string;
  email_verified: boolean;
  created_at: Date;
}

export interface ExportPage {
  readonly users: number;
  /** Lines of JSON, each an import understands, with their ends. */
  readonly text: string;
}

const PAGE_USERS = 1_000;
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

const PAGE = statement(
  'users.export',
  `SELECT id, email, username, phone, status, role, email_verified_at IS NOT NULL AS email_verified,
          created_at
   FROM users WHERE id > $1 ORDER BY id LIMIT ${PAGE_USERS}`,
);
const COUNT = statement('users.export_count', 'SELECT count(*)::int AS users FROM users');

/**
 * Reads all users in the order of their ids, a page at a time and each once; who registers meanwhile may
 * or may not be among them. Nothing that guards an account leaves: our password hashes are worth nothing
 * without this installation's pepper, and are in the backup.
 */
export function createExportUsers(db: Db) {
  return {
    async count(): Promise<number> {
      const rows = await db.query<{ users: number }>(COUNT);
      return rows[0]?.users ?? 0;
    },
    async *pages(): AsyncGenerator<ExportPage> {
      let after = BEFORE_ALL;
      for (;;) {
        const rows = await db.query<ExportedColumns>(PAGE, [after]);
        const last = rows.at(-1);
        if (last === undefined) return;
        yield { users: rows.length, text: rows.map((row) => `${JSON.stringify(row)}\n`).join('') };
        after = last.id;
      }
    },
  };
}
