import type { Db } from '../../db/database.ts';
import { isRetired } from './keyring.ts';
import type { KeyKind, KeyStatus } from './kinds.ts';
import { keyStore } from './store.ts';

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
  /** Credentials and history entries made with it (peppers that are being replaced only). */
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
      uses:
        row.kind === 'pepper' && row.status === 'retiring' ? await countUses(db, row.kid) : null,
    })),
  );
}

async function countUses(db: Db, kid: string): Promise<number> {
  const { credentials, history } = await keyStore.countPepperUses(db, kid);
  return credentials + history;
}
