import { canonicaliseEmail, canonicaliseUsername } from '../../crypto/canonical.ts';
import { type Queryable, statement } from '../../db/database.ts';
import {
  type CredentialColumns,
  type StoredCredential,
  toStoredCredential,
} from '../credential/stored.ts';
import { USER_COLUMNS, type UserColumns } from '../user/view.ts';

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

type AccountRow = UserColumns & Omit<CredentialColumns, 'version'> & { credential_version: number };

const COLUMNS = `${USER_COLUMNS}, c.user_id, c.version AS credential_version, c.pepper_kid, c.salt,
  c.pending, c.phc`;
const BY_EMAIL = statement(
  'accounts.by_email',
  `SELECT ${COLUMNS} FROM users AS u JOIN credentials AS c ON c.user_id = u.id WHERE u.email = $1`,
);
const BY_USERNAME = statement(
  'accounts.by_username',
  `SELECT ${COLUMNS} FROM users AS u JOIN credentials AS c ON c.user_id = u.id
   WHERE u.username_key = $1`,
);
const BY_ID = statement(
  'accounts.by_id',
  `SELECT ${COLUMNS} FROM users AS u JOIN credentials AS c ON c.user_id = u.id WHERE u.id = $1`,
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
  const lookup = who.column === 'email' ? BY_EMAIL : BY_USERNAME;
  return toAccount((await on.query<AccountRow>(lookup, [who.value]))[0]);
}

export async function findAccountById(on: Queryable, userId: string): Promise<Account | null> {
  return toAccount((await on.query<AccountRow>(BY_ID, [userId]))[0]);
}

function toAccount(row: AccountRow | undefined): Account | null {
  if (!row) return null;
  return { user: row, credential: toStoredCredential({ ...row, version: row.credential_version }) };
}
