import { signingKeyFromSeed } from '../../crypto/access-token.ts';
import { randomBytes } from '../../crypto/random.ts';
import { open, seal } from '../../crypto/seal.ts';
import { AppError } from '../../errors.ts';
import type { KeyKind, KeyStatus } from './kinds.ts';
import type { MasterKey } from './master-key.ts';
import type { KeyRow } from './store.ts';

/** A key's secret is bound to its name and kind: a row cannot be passed off as another. */
function aad(kid: string, kind: KeyKind): Buffer {
  return Buffer.from(`authctl/key/v1\0${kind}\0${kid}`);
}

/** Makes a key of a kind, sealed by the master key, ready to insert. */
export async function makeKey(
  master: MasterKey,
  kind: KeyKind,
  status: Extract<KeyStatus, 'next' | 'active'>,
  now: Date,
): Promise<Omit<KeyRow, 'not_after' | 'retired_at'>> {
  const secret = randomBytes(32);
  const signing = kind === 'signing' ? await signingKeyFromSeed(secret) : null;
  const kid = signing?.kid ?? `${kind}-${randomBytes(4).toString('hex')}`;
  return {
    kid,
    kind,
    status,
    sealed: seal(master.secret, secret, aad(kid, kind)),
    master_kid: master.kid,
    public_key: signing?.publicKey ?? null,
    created_at: now,
    activated_at: status === 'active' ? now : null,
  };
}

/**
 * Opens a key's secret with the master key it was sealed by.
 * @throws AppError `key_mismatch` when that one is not at hand; Error when the row was tampered with
 */
export function openKey(
  masters: readonly MasterKey[],
  row: Pick<KeyRow, 'kid' | 'kind' | 'sealed' | 'master_kid'>,
): Buffer {
  const master = masters.find((candidate) => candidate.kid === row.master_kid);
  if (!master)
    throw new AppError('key_mismatch', {
      text: `The key ${row.kid} is sealed by a master key that is not configured here.`,
      hint: 'give every node the same AUTHCTL_MASTER_KEY, and AUTHCTL_MASTER_KEY_NEXT while it rotates',
      log: { kid: row.kid, masterKid: row.master_kid },
    });
  return open(master.secret, row.sealed, aad(row.kid, row.kind));
}

/** Seals a key's secret again, for another master key. */
export function resealKey(
  masters: readonly MasterKey[],
  row: Pick<KeyRow, 'kid' | 'kind' | 'sealed' | 'master_kid'>,
  to: MasterKey,
): Buffer {
  return seal(to.secret, openKey(masters, row), aad(row.kid, row.kind));
}
