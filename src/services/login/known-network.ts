import { type Queryable, statement } from '../../db/database.ts';
import type { ClientInfo } from '../client-info.ts';

/**
 * SQL that remembers networks, writing each once a day at most.
 * @param rows SQL that gives user, network and time
 */
export function rememberNetworksOf(rows: string): string {
  return `INSERT INTO known_networks AS k (user_id, network, last_login_at) ${rows}
    ON CONFLICT (user_id, network) DO UPDATE SET last_login_at = EXCLUDED.last_login_at
    WHERE k.last_login_at < EXCLUDED.last_login_at - interval '1 day'`;
}

const REMEMBER = statement('known_networks.remember', rememberNetworksOf('VALUES ($1, $2, $3)'));

/** Remembers that a user was really here: guesses from other networks cannot lock this one out. */
export async function rememberNetwork(
  tx: Queryable,
  userId: string,
  client: ClientInfo,
  at: Date,
): Promise<void> {
  await tx.execute(REMEMBER, [userId, client.network, at]);
}
