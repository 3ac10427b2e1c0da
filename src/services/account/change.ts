import type { Db, Queryable } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Actor } from '../audit/actor.ts';
import { clientActor } from '../audit/client-actor.ts';
import { type AuditEntry, recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Events, EventType, NewEvent } from '../event/events.ts';
import type { MailQueue } from '../mail/draft.ts';
import type { MailData, MailKind, Notice } from '../mail/kinds.ts';
import { noticeOf, notifyOwner, type Owner } from '../mail/notice.ts';
import { type EndReason, endSession, endSessions } from '../session/end.ts';
import type { Wake } from '../wake.ts';

/** Whose account changes, and by whom. */
export interface Occasion {
  readonly userId: string;
  readonly actor: Actor;
  /** The device it is done from, for the owner to see. */
  readonly client?: ClientInfo | undefined;
  /** The session it is done in, whose requests must see the change at once. */
  readonly sessionId?: string | undefined;
}

/** A change that owners make themselves, in a session or, by a mailed code, without one. */
export function byOwner(
  { userId, sessionId }: { readonly userId: string; readonly sessionId?: string },
  client: ClientInfo,
): Occasion {
  return { userId, actor: clientActor(client, userId), client, sessionId };
}

/** A change that an operator makes. Where the operator sits is none of the user's business. */
export function byOperator(actor: Actor, userId: string): Occasion {
  return { userId, actor };
}

/** A change under way: its transaction, and what goes into it besides the change itself. */
export interface AccountChange {
  readonly tx: Queryable;
  readonly userId: string;
  readonly at: Date;
  /** When, and from where, for the mail that tells the owner. */
  readonly notice: Notice;
  /** Puts it on record. */
  audit(action: string, detail?: AuditEntry['detail']): Promise<void>;
  /** Tells subscribers. */
  announce(type: EventType, payload?: NewEvent['payload']): Promise<void>;
  /** Tells an owner: this account's, as they are or were, or another's whom it concerns. */
  notify<Kind extends MailKind>(user: Owner, kind: Kind, data: MailData[Kind]): Promise<void>;
  /** Ends one session; false when it is not the user's or not live. */
  endSession(sessionId: string, reason: EndReason): Promise<boolean>;
  /** Ends every session, but for the one to keep; returns how many. */
  endSessions(reason: EndReason, keep?: string): Promise<number>;
}

export interface ChangeAccountDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly events: Events;
  readonly mails: MailQueue;
  readonly wakeMail: Wake;
  /** Tells this process at once; every node finds out within its own bound. */
  readonly forgetSession: (sessionId: string) => void;
}

export type ChangeAccount = ReturnType<typeof createChangeAccount>;

/**
 * Changes an account: one transaction holds the change, its audit record, its event, the sessions
 * it ends and the mail to the owner. What only makes sense once that is committed happens
 * afterwards: this process forgets those sessions, the worker is woken for the mail.
 */
export function createChangeAccount(deps: ChangeAccountDeps) {
  const { db, clock, events, mails, wakeMail, forgetSession } = deps;

  return async function changeAccount<T>(
    { userId, actor, client, sessionId }: Occasion,
    work: (change: AccountChange) => Promise<T>,
  ): Promise<T> {
    const at = clock.now();
    const touched = sessionId === undefined ? [] : [sessionId];

    const result = await db.transaction((tx) =>
      work({
        tx,
        userId,
        at,
        notice: noticeOf(client, at),
        audit: (action, detail) => recordAudit(tx, { at, action, actor, userId, detail }),
        announce: (type, payload) => events.record(tx, { type, userId, payload }),
        notify: (user, kind, data) => notifyOwner(tx, mails, user, kind, data),
        async endSession(id, reason) {
          touched.push(id);
          return endSession(tx, events, { userId, sessionId: id, at, reason });
        },
        async endSessions(reason, keep) {
          const ended = await endSessions(tx, events, { userId, keep, at, reason });
          touched.push(...ended);
          return ended.length;
        },
      }),
    );
    touched.forEach(forgetSession);
    wakeMail.soon();
    return result;
  };
}
