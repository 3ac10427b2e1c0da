import { type Queryable, statement } from '../../db/database.ts';
import type { KeyKind, KeyStatus } from './kinds.ts';

/** A key as it lies in the database. */
export interface KeyRow {
  kid: string;
  kind: KeyKind;
  status: KeyStatus;
  sealed: Buffer;
  master_kid: string;
  public_key: Buffer | null;
  created_at: Date;
  activated_at: Date | null;
  not_after: Date | null;
  retired_at: Date | null;
}

export interface InstanceRow {
  instance_id: string;
  master_kid: string;
  key_check_value: Buffer;
  revision: number;
}

const SELECT_INSTANCE = statement(
  'instance.select',
  'SELECT instance_id, master_kid, key_check_value, revision FROM instance WHERE id = 1',
);
const LOCK_INSTANCE = statement(
  'instance.lock',
  'SELECT instance_id, master_kid, key_check_value, revision FROM instance WHERE id = 1 FOR UPDATE',
);
const INSERT_INSTANCE = statement(
  'instance.insert',
  `INSERT INTO instance (id, instance_id, master_kid, key_check_value)
   VALUES (1, $1, $2, $3) ON CONFLICT DO NOTHING`,
);
const UPDATE_MASTER = statement(
  'instance.update_master',
  'UPDATE instance SET master_kid = $1, key_check_value = $2 WHERE id = 1',
);
const BUMP_REVISION = statement(
  'instance.bump_revision',
  'UPDATE instance SET revision = revision + 1 WHERE id = 1',
);
const SELECT_KEYS = statement('keys.select', 'SELECT * FROM keys ORDER BY created_at, kid');
const INSERT_KEY = statement(
  'keys.insert',
  `INSERT INTO keys (kid, kind, status, sealed, master_kid, public_key, created_at, activated_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
);
const UPDATE_KEY = statement(
  'keys.update',
  `UPDATE keys SET status = $3, activated_at = COALESCE(activated_at, $4), not_after = $5, retired_at = $6
   WHERE kid = $1 AND status = $2`,
);
const RESEAL_KEY = statement(
  'keys.reseal',
  'UPDATE keys SET sealed = $2, master_kid = $3 WHERE kid = $1',
);

/** The statements on `instance` and `keys`, by name. */
export const keyStore = {
  async findInstance(on: Queryable): Promise<InstanceRow | null> {
    return (await on.query<InstanceRow>(SELECT_INSTANCE))[0] ?? null;
  },
  /** Serialises every change of keys: two rotations at once happen one after the other. */
  async lockInstance(tx: Queryable): Promise<InstanceRow | null> {
    return (await tx.query<InstanceRow>(LOCK_INSTANCE))[0] ?? null;
  },
  async insertInstance(on: Queryable, row: Omit<InstanceRow, 'revision'>): Promise<boolean> {
    const values = [row.instance_id, row.master_kid, row.key_check_value];
    return (await on.execute(INSERT_INSTANCE, values)) === 1;
  },
  updateMaster: (tx: Queryable, kid: string, checkValue: Buffer) =>
    tx.execute(UPDATE_MASTER, [kid, checkValue]),
  /** Makes every running node read keys and domains again within its snapshot's age. */
  bumpRevision: (on: Queryable) => on.execute(BUMP_REVISION),
  all: (on: Queryable) => on.query<KeyRow>(SELECT_KEYS),
  insert: (on: Queryable, row: Omit<KeyRow, 'not_after' | 'retired_at'>) =>
    on.execute(INSERT_KEY, [
      row.kid,
      row.kind,
      row.status,
      row.sealed,
      row.master_kid,
      row.public_key,
      row.created_at,
      row.activated_at,
    ]),
  /** Moves a key from one status to the next; nothing happens when it is not in `from`. */
  move: (
    on: Queryable,
    kid: string,
    from: KeyStatus,
    to: { status: KeyStatus; activatedAt?: Date; notAfter?: Date; retiredAt?: Date },
  ) => on.execute(UPDATE_KEY, [kid, from, to.status, to.activatedAt, to.notAfter, to.retiredAt]),
  reseal: (on: Queryable, kid: string, sealed: Buffer, masterKid: string) =>
    on.execute(RESEAL_KEY, [kid, sealed, masterKid]),
};
