import { type Db, statement } from '../../db/database.ts';
import type { Identity } from './identity.ts';

const USERNAME_EXISTS = statement(
  'registrations.username_exists',
  'SELECT 1 FROM users WHERE username_key = $1',
);

export interface Conflicts {
  /** Whether a unique username is somebody's. */
  isUsernameTaken(identity: Pick<Identity, 'usernameKey'>): Promise<boolean>;
  /** Which of an identity's unique fields is taken, for a registration that was not created. */
  find(identity: Identity): Promise<'username' | 'email'>;
}

/** Usernames are public and looked at first, so the answer never tells whether the e-mail is taken too. */
export function createConflicts(db: Db): Conflicts {
  async function isUsernameTaken({ usernameKey }: Pick<Identity, 'usernameKey'>) {
    if (usernameKey === null) return false;
    return (await db.query(USERNAME_EXISTS, [usernameKey])).length > 0;
  }

  return {
    isUsernameTaken,
    async find(identity) {
      if (identity.email === null) return 'username';
      return (await isUsernameTaken(identity)) ? 'username' : 'email';
    },
  };
}
