import { type Queryable, statement } from '../../../db/database.ts';
import type { FieldError } from '../../../errors.ts';
import type { ImportRow } from './insert-users.ts';

/** Who a line of an import says already exists. */
interface Holder {
  id: string;
  email: string | null;
  username_key: string | null;
}

const FIND_HOLDERS = statement(
  'users.import_holders',
  `SELECT id, email, username_key FROM users
   WHERE id = ANY($1::uuid[]) OR email = ANY($2::text[]) OR username_key = ANY($3::text[])`,
);

export interface Holders {
  /**
   * What stands in the way of a row: `new` nothing, `existing` the very account it describes, else
   * which of its identifiers belong to another.
   */
  judge(row: ImportRow): 'new' | 'existing' | FieldError[];
}

/** Finds the accounts that hold any identifier of these rows. */
export async function findHolders(on: Queryable, rows: readonly ImportRow[]): Promise<Holders> {
  const holders = await on.query<Holder>(FIND_HOLDERS, [
    rows.map((row) => row.id),
    rows.flatMap((row) => row.email ?? []),
    rows.flatMap((row) => row.usernameKey ?? []),
  ]);
  const byId = new Map(holders.map((holder) => [holder.id, holder]));
  const byEmail = new Map(holders.map((holder) => [holder.email, holder]));
  const byUsername = new Map(holders.map((holder) => [holder.username_key, holder]));

  return {
    judge(row) {
      const found = {
        '/id': byId.get(row.id),
        '/email': row.email === null ? undefined : byEmail.get(row.email),
        '/username': row.usernameKey === null ? undefined : byUsername.get(row.usernameKey),
      };
      const taken = Object.entries(found).filter(([, holder]) => holder !== undefined);
      if (taken.length === 0) return 'new';
      if (taken.every(([, holder]) => holder && describes(row, holder))) return 'existing';
      const detail = 'This belongs to another account.';
      return taken.map(([pointer]) => ({ pointer, code: 'taken', detail }));
    },
  };
}

/** Whether a row's identifiers, as far as it has them, are all those of one account. */
function describes(row: ImportRow, holder: Holder): boolean {
  return (
    (row.givenId === null || row.givenId === holder.id) &&
    (row.email === null || row.email === holder.email) &&
    (row.usernameKey === null || row.usernameKey === holder.username_key)
  );
}
