import { type Db, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import {
  type CredentialColumns,
  type StoredCredential,
  toStoredCredential,
} from '../credential/stored.ts';
import type { CredentialVerifier } from '../credential/verify.ts';

export interface PasswordHistoryDeps {
  readonly db: Db;
  readonly verifier: CredentialVerifier;
  /** Former passwords that may not be chosen again, the present one included; 0 allows all. */
  readonly keep: number;
}

const FORMER = statement(
  'password_history.former',
  `SELECT user_id, 0 AS version, pepper_kid, salt, NULL::bytea AS pending, phc FROM password_history
   WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2`,
);

export type PasswordHistory = ReturnType<typeof createPasswordHistory>;

/** Refuses passwords a user has or had; one Argon2id for each that is remembered. */
export function createPasswordHistory({ db, verifier, keep }: PasswordHistoryDeps) {
  return {
    keep,
    /**
     * @param current the present credential, settled
     * @throws AppError `password_reused`; `overloaded` when the Forge is full
     */
    async check(current: StoredCredential, password: string): Promise<void> {
      if (keep === 0) return;
      const rows = await db.query<CredentialColumns>(FORMER, [current.userId, keep - 1]);
      for (const stored of [current, ...rows.map(toStoredCredential)])
        if (await verifier.matches(stored, password)) throw new AppError('password_reused');
    },
  };
}
