import { canonicaliseEmail, canonicaliseUsername } from '../../crypto/canonical.ts';
import { type Queryable, statement } from '../../db/database.ts';
import {
  type CredentialColumns,
  NOBODY,
  type StoredCredential,
  toStoredCredential,
} from '../credential/stored.ts';
import { USER_COLUMNS, type UserColumns, userColumns } from '../user/view.ts';

/** A user as the sign-in steps need it: the row and, where a password is checked, the credential. */
export interface Account {
  readonly user: UserColumns;
  readonly credential: StoredCredential;
}

/** What a user signs in with, canonical; null where it cannot be anybody's. */
export interface Identifier {
  readonly column: 'email' | 'username_key';
  readonly value: string;
}

type CredentialRow = Omit<CredentialColumns, 'version' | 'user_id'> & {
  credential_version: number;
};
type AccountRow = UserColumns & CredentialRow;
interface NobodysRow {
  id: null;
}

const CREDENTIAL = 'c.version AS credential_version, c.pepper_kid, c.salt, c.pending, c.phc';
// One row whoever is asked for, of nulls where it is nobody: to read one for some and none for others
// would take time that tells them apart. So nobody's credential and factors are looked for, too.
const ANYBODY = `coalesce(u.id, '${NOBODY}')`;
const byIdentifier = (column: Identifier['column']) =>
  statement(
    `accounts.find_by_${column}`,
    `SELECT ${userColumns(ANYBODY)}, ${CREDENTIAL} FROM (VALUES ($1)) AS asked (value)
     LEFT JOIN users AS u ON u.${column} = asked.value
     LEFT JOIN credentials AS c ON c.user_id = ${ANYBODY}`,
  );
const LOOKUPS = { email: byIdentifier('email'), username_key: byIdentifier('username_key') };
const BY_ID = statement(
  'accounts.by_id',
  `SELECT ${USER_COLUMNS}, ${CREDENTIAL}
   FROM users AS u JOIN credentials AS c ON c.user_id = u.id WHERE u.id = $1`,
);

/** Reads a sign-in identifier. Anything that is not one is nobody's, at the price of everybody's. */
export function parseIdentifier(input: {
  readonly email?: string | undefined;
  readonly username?: string | undefined;
}): Identifier | null {
  if (input.email !== undefined) {
    const value = canonicaliseEmail(input.email);
    return value === null ? null : { column: 'email', value };
  }
  const key = canonicaliseUsername(input.username ?? '')?.key;
  return key === undefined ? null : { column: 'username_key', value: key };
}

/** Finds the account of an identifier by equality; null when there is none. */
export async function findAccount(on: Queryable, who: Identifier): Promise<Account | null> {
  const [row] = await on.query<AccountRow | NobodysRow>(LOOKUPS[who.column], [who.value]);
  return toAccount(row);
}

/** Finds an account by its user's id; null when there is none. */
export async function findAccountById(on: Queryable, userId: string): Promise<Account | null> {
  return toAccount((await on.query<AccountRow>(BY_ID, [userId]))[0]);
}

function toAccount(row: AccountRow | NobodysRow | undefined): Account | null {
  if (!row || row.id === null) return null;
  const { id, credential_version: version } = row;
  return { user: row, credential: toStoredCredential({ ...row, user_id: id, version }) };
}
