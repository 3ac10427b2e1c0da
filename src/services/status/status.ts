import { type Db, statement } from '../../db/database.ts';
import type { Nodes } from '../node/nodes.ts';
import { findEventQueue, findMessageQueue, type Queue } from './queues.ts';

export interface MessageCounts {
  readonly queued: number;
  readonly oldest_queued_seconds: number;
  readonly dead: number;
}

/** The state of an installation, as `authctl status --json` prints it. */
export interface StatusReport {
  readonly pending_hashes: number;
  readonly oldest_pending_seconds: number;
  /** Passwords no worker could harden: their users must reset. */
  readonly parked_hashes: number;
  /** Hashes per second of the running workers, or of the best process where there is none. */
  readonly hash_rate: number;
  /** Seconds until the backlog is drained at that rate; null when nothing drains it. */
  readonly drain_seconds: number | null;
  readonly users: number;
  readonly sessions: number;
  readonly mail: MessageCounts;
  /** Text messages. */
  readonly sms: MessageCounts;
  readonly events: {
    readonly waiting: number;
    readonly oldest_waiting_seconds: number;
    readonly dead: number;
  };
  readonly domains: { readonly verified: number; readonly pending: number };
  readonly api: { readonly nodes: number };
  readonly worker: { readonly nodes: number };
}

interface Counts {
  pending: number;
  oldest_seconds: number;
  parked: number;
  users: number;
  sessions: number;
  domains_verified: number;
  domains_pending: number;
}

const COUNTS = statement(
  'status.counts',
  `SELECT
     (SELECT count(*) FROM credentials WHERE pending IS NOT NULL AND parked_at IS NULL)::int AS pending,
     COALESCE((SELECT extract(epoch FROM now() - min(pending_since)) FROM credentials
               WHERE pending IS NOT NULL AND parked_at IS NULL), 0)::float8 AS oldest_seconds,
     (SELECT count(*) FROM credentials WHERE parked_at IS NOT NULL)::int AS parked,
     (SELECT count(*) FROM users)::int AS users,
     (SELECT count(*) FROM sessions WHERE ended_at IS NULL AND expires_at > now())::int AS sessions,
     (SELECT count(*) FROM domains WHERE status = 'verified')::int AS domains_verified,
     (SELECT count(*) FROM domains WHERE status = 'pending')::int AS domains_pending`,
);

/** Reads the installation's state. */
export function createStatus({ db, nodes }: { db: Db; nodes: Nodes }) {
  return async function status(): Promise<StatusReport> {
    const [rows, mails, texts, events, running] = await Promise.all([
      db.query<Counts>(COUNTS),
      findMessageQueue(db, 'mail'),
      findMessageQueue(db, 'sms'),
      findEventQueue(db),
      nodes.summary(),
    ]);
    const counts = rows[0]!;
    const drains = running.hashRate > 0 && running.workers > 0;
    return {
      pending_hashes: counts.pending,
      oldest_pending_seconds: Math.max(0, Math.round(counts.oldest_seconds)),
      parked_hashes: counts.parked,
      hash_rate: Math.round(running.hashRate * 10) / 10,
      drain_seconds: drains ? Math.ceil(counts.pending / running.hashRate) : null,
      users: counts.users,
      sessions: counts.sessions,
      mail: toMessageCounts(mails),
      sms: toMessageCounts(texts),
      events: {
        waiting: events.waiting,
        oldest_waiting_seconds: events.oldestSeconds,
        dead: events.dead,
      },
      domains: { verified: counts.domains_verified, pending: counts.domains_pending },
      api: { nodes: running.api },
      worker: { nodes: running.workers },
    };
  };
}

function toMessageCounts({ waiting, oldestSeconds, dead }: Queue): MessageCounts {
  return { queued: waiting, oldest_queued_seconds: oldestSeconds, dead };
}
