import type { Config } from '../../../config/index.ts';
import { type Db, type Queryable, statement } from '../../db/database.ts';
import type { ClientInfo } from '../client-info.ts';
import type { MailBudget } from '../limit/mail-budget.ts';
import type { MailQueue } from '../mail/draft.ts';
import { noticeOf, notifyOwner } from '../mail/notice.ts';
import type { UserColumns } from '../user/view.ts';

export interface SignInNoticeDeps {
  readonly db: Db;
  readonly mails: MailQueue;
  readonly mailBudget: MailBudget;
  /** Which sign-ins their owner is told of (`mail.sign_in_notice`). */
  readonly which: Config['mail']['signInNotice'];
}

export type SignInNotice = ReturnType<typeof createSignInNotice>;

// Whoever has never signed in has nothing to be warned of.
const IS_NEWS = statement(
  'known_networks.is_news',
  `SELECT FROM known_networks WHERE user_id = $1
   HAVING count(*) > 0 AND count(*) FILTER (WHERE network = $2) = 0`,
);

/** Tells owners by mail that somebody signed in to their account. */
export function createSignInNotice({ db, mails, mailBudget, which }: SignInNoticeDeps) {
  return {
    /** Whether any sign-in is told: then a session is opened in a transaction. */
    isOn: which !== 'off',

    /** Whether this sign-in is to be told; takes it from the mailbox's budget. */
    async isDue({ id, email }: UserColumns, client: ClientInfo): Promise<boolean> {
      if (which === 'off' || email === null) return false;
      const isNews =
        which === 'always' || (await db.query(IS_NEWS, [id, client.network])).length > 0;
      return isNews && mailBudget.take('signed_in', email, client);
    },

    /** Writes the mail, in the transaction of the session that it tells of. */
    write(tx: Queryable, user: UserColumns, client: ClientInfo, at: Date): Promise<void> {
      return notifyOwner(tx, mails, user, 'signed_in', noticeOf(client, at));
    },
  };
}
