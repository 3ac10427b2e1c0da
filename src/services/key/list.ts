import type { Db } from '../../db/database.ts';
import { isRetired } from './keyring.ts';
import type { KeyKind, KeyStatus } from './kinds.ts';
import { type KeyRow, keyStore } from './store.ts';
import { countKeyUses } from './uses.ts';

/** A key as operators see it. */
export interface KeyView {
  readonly kid: string;
  readonly kind: KeyKind;
  readonly status: KeyStatus;
  /** The master key that seals it. */
  readonly master_kid: string;
  readonly created_at: string;
  readonly activated_at: string | null;
  readonly not_after: string | null;
  readonly retired_at: string | null;
  /** How much still needs it; null unless it is being replaced, and for signing keys. */
  readonly uses: number | null;
}

/** All keys of the installation, oldest first, without their secrets; `retired` once their grace is over. */
export async function listKeys(db: Db, now: Date): Promise<KeyView[]> {
  const rows = await keyStore.all(db);
  return Promise.all(
    rows.map(async (row) => ({
      kid: row.kid,
      kind: row.kind,
      status: isRetired(row, now) ? 'retired' : row.status,
      master_kid: row.master_kid,
      created_at: row.created_at.toISOString(),
      activated_at: row.activated_at?.toISOString() ?? null,
      not_after: row.not_after?.toISOString() ?? null,
      retired_at: row.retired_at?.toISOString() ?? null,
      uses: await countUses(db, row),
    })),
  );
}

async function countUses(db: Db, { kind, status, kid }: KeyRow): Promise<number | null> {
  if (kind === 'signing' || status !== 'retiring') return null;
  return (await countKeyUses(db, kind, kid)).total;
}
