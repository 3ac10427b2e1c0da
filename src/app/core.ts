import type { Config } from '../../config/index.ts';
import { domainOf } from '../crypto/canonical.ts';
import { findUnsafeSettings } from '../db/check-server.ts';
import type { Db } from '../db/database.ts';
import { openDatabaseClock } from '../db/database-clock.ts';
import { traceDatabase } from '../db/traced-database.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Scope } from '../lib/lifecycle.ts';
import type { Logger } from '../lib/logger.ts';
import type { Tracer } from '../lib/tracer.ts';
import { createDomainDirectory, type DomainDirectory } from '../services/domain/directory.ts';
import { createDomains, type Domains } from '../services/domain/domains.ts';
import { createEvents, type Events } from '../services/event/events.ts';
import { ensureKeys } from '../services/key/ensure-keys.ts';
import { createKeys, type Keys } from '../services/key/keyring.ts';
import { createMailQueue, type MailQueue } from '../services/mail/draft.ts';
import { parseSender } from '../services/mail/transport/compose.ts';
import { createNodes, type Nodes } from '../services/node/nodes.ts';
import { createStatus, type StatusReport } from '../services/status/status.ts';
import { hasEventSink } from './has-event-sink.ts';
import { createMasterKeys, type MasterKeys } from './master-keys.ts';
import { ensureSchema, openStore, type Store } from './open-store.ts';
import { openTelemetry, type Telemetry } from './open-telemetry.ts';
import { openWake } from './open-wake.ts';

/** What every process works with: the API, the worker and most commands. */
export interface Core {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** Where requests are traced. */
  readonly tracer: Tracer | undefined;
  readonly store: Store;
  readonly db: Db;
  readonly masters: MasterKeys;
  /** Who issues this installation's tokens. */
  readonly issuer: string;
  readonly keys: Keys;
  readonly domains: Domains;
  readonly directory: DomainDirectory;
  readonly events: Events;
  readonly mails: MailQueue;
  readonly nodes: Nodes;
  status(): Promise<StatusReport>;
}

export interface CoreOptions {
  readonly config: Config;
  readonly scope: Scope;
  readonly log: Logger;
  readonly role: 'api' | 'worker' | 'cli';
  readonly poolSize: number;
  /** How long to wait for an external database; `startup.deadline` when absent. */
  readonly patienceMs?: number;
  /** The database's unless a test brings its own. */
  readonly clock?: Clock;
}

/**
 * Opens the database, makes sure that schema and keys are right, and builds what all roles share.
 * @throws AppError `dependency_unreachable`, `schema_mismatch`, `key_mismatch`, `config_invalid`,
 *   each before anything has been written
 */
export async function openCore(options: CoreOptions): Promise<Core> {
  const { config, scope, log, role, poolSize } = options;
  const local = options.clock ?? systemClock;
  const applicationName = `authctl ${role}`;
  const { patienceMs } = options;
  // First, so that what the others still do while they close is sent.
  const telemetry = await openTelemetry({ config, scope, log, clock: local, role });
  const { tracer } = telemetry;
  const store = await openStore({
    config,
    scope,
    log,
    clock: local,
    applicationName,
    poolSize,
    patienceMs,
    serves: role !== 'cli',
  });
  await ensureSchema(store);
  const clock = options.clock ?? (await followDatabase(store.db, scope, log));

  const db = tracer ? traceDatabase(store.db, tracer) : store.db;
  if (role !== 'cli') await warnOfUnsafeSettings(db, log);
  const masters = createMasterKeys(config);
  const instanceId = await ensureKeys({ db, clock }, masters);
  const keys = createKeys({ db, clock, loadMasters: masters.load });
  // A key that does not open must stop the start, not the first request.
  if (role !== 'cli') await keys.ring();
  // The right-hand side of Message-IDs is the sender's own domain (RFC 5322 §3.6.4).
  const sender = parseSender(config.mail.from);
  const nodes = createNodes({ db, clock, log });
  const wake = openWake({ db, log }, scope, 'authctl_events');
  return {
    config,
    clock,
    log,
    telemetry,
    tracer,
    store,
    db,
    masters,
    issuer: config.issuer ?? `urn:authctl:${instanceId}`,
    keys,
    domains: createDomains({ db, clock }),
    directory: createDomainDirectory({ db, clock }),
    events: createEvents({ clock, enabled: hasEventSink(config), wake }),
    mails: createMailQueue({
      clock,
      keys,
      messageDomain: domainOf(sender.address),
      hasTexts: config.sms.url !== undefined,
    }),
    nodes,
    status: createStatus({ db, nodes }),
  };
}

async function followDatabase(db: Db, scope: Scope, log: Logger): Promise<Clock> {
  const opened = await openDatabaseClock({ db, local: systemClock, log });
  return scope.own('clock', opened, (clock) => clock.close());
}

/** Who switched them off may have meant it; that acknowledged accounts can be lost must not go unsaid. */
async function warnOfUnsafeSettings(db: Db, log: Logger): Promise<void> {
  const settings = await findUnsafeSettings(db);
  if (settings.length === 0) return;
  log.warn({ settings }, 'PostgreSQL may lose what was acknowledged: switch these settings on');
}
