import { type Db, statement } from '../../db/database.ts';
import type { Identity } from './identity.ts';

const USERNAME_EXISTS = statement(
  'registrations.username_exists',
  'SELECT 1 FROM users WHERE username_key = $1',
);

export interface Conflicts {
  /** Which of an identity's unique fields is taken, for a registration that was not created. */
  find(identity: Identity): Promise<'username' | 'email'>;
}

/** Usernames are public and looked at first, so the answer never tells whether the e-mail is taken too. */
export function createConflicts(db: Db): Conflicts {
  return {
    async find({ email, usernameKey }) {
      if (usernameKey === null) return 'email';
      if (email === null) return 'username';
      const rows = await db.query(USERNAME_EXISTS, [usernameKey]);
      return rows.length > 0 ? 'username' : 'email';
    },
  };
}
