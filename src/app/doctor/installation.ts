import type { Config } from '../../../config/index.ts';
import { findUnsafeSettings, isReadOnly, readServerFacts } from '../../db/check-server.ts';
import { statement } from '../../db/database.ts';
import { checkSchema } from '../../db/migrate/check-schema.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { createDomainDirectory } from '../../services/domain/directory.ts';
import { createKeys } from '../../services/key/keyring.ts';
import { checkMasterKey } from '../../services/key/master-key.ts';
import { keyStore } from '../../services/key/store.ts';
import { createMasterKeys } from '../master-keys.ts';
import type { Store } from '../open-store.ts';
import { type Finding, fail, ok, warn } from './check.ts';

/** What the checks of an installation work on: its database, open. */
export interface Installation {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Store;
}

/** Who verifies tokens elsewhere bears seconds; machines that follow NTP differ by milliseconds. */
const NOTICEABLE_SKEW_MS = 1_000;
/** Connections PostgreSQL keeps for its superuser, and ours for LISTEN and commands. */
const SPARE_CONNECTIONS = 10;

const READ_CLOCK = statement('doctor.clock', 'SELECT clock_timestamp() AS now');

/** The server itself: that what it says is written is written, and that it has room for us. */
export async function checkDatabase({ config, store }: Installation): Promise<Finding> {
  const facts = await readServerFacts(store.db);
  const detail = `PostgreSQL ${facts.version}, ${store.isEmbedded ? 'embedded' : 'external'}`;
  if (await isReadOnly(store.db))
    return fail(`${detail}, read-only: a standby, or closed for writing`, 'connect to the primary');
  const unsafe = await findUnsafeSettings(store.db);
  if (unsafe.length > 0)
    return fail(
      `${detail}, which may lose what it has confirmed: ${unsafe.join(', ')} off`,
      'switch them on and reload the server',
    );
  const needed = config.workers * config.database.pool + config.database.workerPool;
  if (needed + SPARE_CONNECTIONS > facts.max_connections)
    return warn(
      `${detail}; this host's processes may open ${needed} of its ${facts.max_connections} connections`,
      'raise max_connections, or lower AUTHCTL_DATABASE_POOL',
    );
  return ok(detail);
}

/** That the schema is the one this program knows. */
export async function checkMigrations({ store }: Installation): Promise<Finding> {
  await checkSchema(store.db, store.known);
  return ok(`current, ${store.known.at(-1)?.name ?? 'no migrations'}`);
}

/** That our master key opens this database's keys. */
export async function checkKeys({ config, clock, store: { db } }: Installation): Promise<Finding> {
  const instance = await keyStore.findInstance(db);
  if (!instance) return ok('none yet; the first start makes them');
  const masters = createMasterKeys(config);
  checkMasterKey(await masters.load(), instance);
  const keys = createKeys({ db, clock, loadMasters: masters.load });
  const published = await keys.published();
  const next = published.filter(({ status }) => status === 'next');
  if (next.length === 0)
    return warn('There is no next signing key.', 'restore the table keys from a backup');
  const where = masters.files ? masters.files.current : 'the configuration';
  return ok(`opened by the master key of ${where}; ${published.length} signing keys are published`);
}

/** This machine's clock against the database's, by which everything is dated. */
export async function checkClock({ clock, store: { db } }: Installation): Promise<Finding> {
  const before = clock.now().getTime();
  const rows = await db.query<{ now: Date }>(READ_CLOCK);
  const middle = (before + clock.now().getTime()) / 2;
  const skewMs = Math.round(middle - rows[0]!.now.getTime());
  const side = skewMs > 0 ? 'ahead of' : 'behind';
  const detail = `${Math.abs(skewMs)} ms ${side} the database`;
  if (Math.abs(skewMs) <= NOTICEABLE_SKEW_MS) return ok(detail);
  return warn(
    `${detail}, whose time is used`,
    'synchronise both (NTP): who verifies tokens or types TOTP codes goes by their own clock',
  );
}

/** That somebody can register, and that what is configured is verified. */
export async function checkDomains({ config, clock, store }: Installation): Promise<Finding> {
  const { verified, pending } = await createDomainDirectory({ db: store.db, clock }).summary();
  const detail = `${verified} verified, ${pending.length} pending`;
  const unverified = config.domains.find((name) => pending.includes(name));
  if (unverified) return warn(detail, `authctl domains verify ${unverified}`);
  if (verified > 0) return ok(detail);
  return warn(`${detail}: nobody can register`, 'authctl domains add example.com');
}
