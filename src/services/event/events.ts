import { uuidv7 } from '../../crypto/random.ts';
import { type Queryable, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Wake } from '../wake.ts';

/** What subscribers may hear of. Payloads carry ids and plain facts, never secrets. */
export type EventType =
  | 'user.registered'
  | 'user.verified'
  | 'user.updated'
  | 'user.deleted'
  | 'password.changed'
  | 'email.changed'
  | 'two_factor.enabled'
  | 'two_factor.disabled'
  | 'session.created'
  | 'session.revoked'
  | 'session.reuse_detected';

export interface NewEvent {
  readonly type: EventType;
  readonly userId: string;
  readonly payload?: Readonly<Record<string, unknown>> | undefined;
}

export interface Events {
  /** Whether a sink is configured; without one nothing is written. */
  readonly enabled: boolean;
  /** Writes an event in the transaction of the change it announces (outbox). */
  record(on: Queryable, event: NewEvent): Promise<void>;
  /** An event's columns, for a batch that inserts many at once, shortly. */
  draft(event: NewEvent): EventDraft;
}

export interface EventDraft {
  readonly id: string;
  readonly type: EventType;
  readonly userId: string;
  readonly payload: string;
  readonly createdAt: Date;
}

const INSERT = statement(
  'events.insert',
  'INSERT INTO events (id, type, user_id, payload, created_at) VALUES ($1, $2, $3, $4, $5)',
);

export interface EventsDeps {
  readonly clock: Clock;
  readonly enabled: boolean;
  /** Tells relays that there is something to publish; without it they find it when they poll. */
  readonly wake?: Wake;
}

/** The transactional outbox's writing end. */
export function createEvents({ clock, enabled, wake }: EventsDeps): Events {
  function draft(event: NewEvent): EventDraft {
    // Asked for here, not by every caller after its commit: the wake-up leaves a moment later, when
    // the commit is most often done, and one that comes too early costs the event a poll's wait.
    wake?.soon();
    const createdAt = clock.now();
    return {
      id: uuidv7(createdAt.getTime()),
      type: event.type,
      userId: event.userId,
      payload: JSON.stringify(event.payload ?? {}),
      createdAt,
    };
  }
  return {
    enabled,
    draft,
    async record(on, event) {
      if (!enabled) return;
      const row = draft(event);
      await on.execute(INSERT, [row.id, row.type, row.userId, row.payload, row.createdAt]);
    },
  };
}
