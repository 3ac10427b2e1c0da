import type { Config } from '../../../config/index.ts';
import { type Db, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ClientInfo } from '../client-info.ts';
import type { MailBudget } from '../limit/mail-budget.ts';
import type { MailQueue } from '../mail/draft.ts';

export interface SignInNoticeDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly mails: Pick<MailQueue, 'hasTexts'>;
  readonly mailBudget: MailBudget;
  /** Which sign-ins their owner is told of (`mail.sign_in_notice`). */
  readonly which: Config['mail']['signInNotice'];
  /** A network is known for this long after its last sign-in (`login.known_network_ttl`). */
  readonly knownForMs: number;
}

export type TakeSignInNotice = ReturnType<typeof createTakeSignInNotice>;

// Whoever has never signed in has nothing to be warned of; a network counts for as long as it does
// against lock-outs.
const FIND_ADDRESS = statement(
  'users.address_to_tell',
  `SELECT u.email FROM users AS u
   WHERE u.id = $1 AND (u.email IS NOT NULL OR ($5 AND u.phone IS NOT NULL)) AND ($2 OR (
     EXISTS (SELECT FROM known_networks WHERE user_id = u.id)
     AND NOT EXISTS (SELECT FROM known_networks
                     WHERE user_id = u.id AND network = $3 AND last_login_at > $4)))`,
);

/** Which sign-ins their owner is told of. */
export function createTakeSignInNotice(deps: SignInNoticeDeps) {
  const { db, clock, mails, mailBudget, which, knownForMs } = deps;

  /**
   * Whether the owner is to be told of a sign-in that is about to happen; if so, takes one mail from
   * the mailbox's budget. Asked before its transaction, as the budget may be kept in Valkey.
   */
  return async function takeSignInNotice(userId: string, client: ClientInfo): Promise<boolean> {
    if (which === 'off') return false;
    const since = new Date(clock.now().getTime() - knownForMs);
    const values = [userId, which === 'always', client.network, since, mails.hasTexts];
    const [news] = await db.query<{ email: string | null }>(FIND_ADDRESS, values);
    if (!news) return false;
    return news.email === null || mailBudget.take('signed_in', news.email, client);
  };
}
