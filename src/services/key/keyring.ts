import { type SigningKey, signingKeyFromSeed, type VerifyKey } from '../../crypto/access-token.ts';
import type { Db } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { createSnapshot } from '../snapshot.ts';
import type { KeyKind, KeyStatus } from './kinds.ts';
import { openKey } from './make-key.ts';
import { findMasterKey, type MasterKey } from './master-key.ts';
import { type KeyRow, keyStore } from './store.ts';

/** The keys of one symmetric kind: one that writes, all that still read. */
export interface KeySet {
  readonly active: { readonly kid: string; readonly secret: Buffer };
  readonly byKid: ReadonlyMap<string, Buffer>;
}

export interface PublishedKey {
  readonly kid: string;
  readonly paserk: string;
  readonly status: Exclude<KeyStatus, 'retired'>;
  readonly notAfter: Date | null;
}

/** All keys, opened: what a process works with. */
export interface Keyring {
  readonly signing: SigningKey;
  /** The signing keys a verifier must know, `next` included. */
  readonly published: readonly PublishedKey[];
  /** The key that verifies tokens of a kid at a time; null for unknown, retired or expired kids. */
  findVerifier(kid: string, now: Date): VerifyKey | null;
  readonly pepper: KeySet;
  readonly refresh: KeySet;
  readonly data: KeySet;
  readonly code: KeySet;
}

export interface Keys {
  /** The keyring, at most half a second old. @throws AppError `unavailable` when it cannot be read */
  ring(): Promise<Keyring>;
  invalidate(): void;
  ageMs(): number;
}

/** Half the bound within which a rotation must have taken effect on every node. */
const MAX_AGE_MS = 500;

export interface KeysDeps {
  readonly db: Db;
  readonly clock: Clock;
  /** The configured master keys, read again when a key does not open (the master was rotated). */
  loadMasters(): Promise<readonly MasterKey[]>;
}

/** The keyring of this process, kept current with the database. */
export function createKeys({ db, clock, loadMasters }: KeysDeps): Keys {
  const snapshot = createSnapshot<Keyring>({
    clock,
    maxAgeMs: MAX_AGE_MS,
    async revision() {
      return (await requireInstance(db)).revision;
    },
    async load() {
      const masters = await loadMasters();
      checkMasterKey(masters, await requireInstance(db));
      return openKeyring(masters, await keyStore.all(db), clock.now());
    },
  });
  return { ring: snapshot.get, invalidate: snapshot.invalidate, ageMs: snapshot.ageMs };
}

async function requireInstance(db: Db) {
  const instance = await keyStore.findInstance(db);
  if (!instance)
    throw new AppError('config_invalid', {
      text: 'This database has no keys yet.',
      hint: 'start `authctl serve` once, or run `authctl migrate` and then `authctl keys list`',
    });
  return instance;
}

/**
 * Finds the configured master key that this database was written with.
 * @throws AppError `key_mismatch` when none is: before anything has been written
 */
export function checkMasterKey(
  masters: readonly MasterKey[],
  instance: { instance_id: string; key_check_value: Buffer },
): MasterKey {
  const master = findMasterKey(masters, {
    instanceId: instance.instance_id,
    keyCheckValue: instance.key_check_value,
  });
  if (!master)
    throw new AppError('key_mismatch', {
      hint: 'set AUTHCTL_MASTER_KEY (or AUTHCTL_MASTER_KEY_FILE) to the key this database was created with',
    });
  return master;
}

async function openKeyring(
  masters: readonly MasterKey[],
  rows: readonly KeyRow[],
  now: Date,
): Promise<Keyring> {
  const live = rows.filter((row) => row.status !== 'retired' && !isPast(row.not_after, now));
  const signers = await Promise.all(
    live
      .filter((row) => row.kind === 'signing')
      .map(async (row) => ({ row, key: await signingKeyFromSeed(openKey(masters, row)) })),
  );
  const active = signers.find(({ row }) => row.status === 'active');
  if (!active) throw missingKey('signing');
  const verifiers = new Map(signers.map((signer) => [signer.row.kid, signer]));

  return {
    signing: active.key,
    published: signers.map(({ row, key }) => ({
      kid: row.kid,
      paserk: key.paserk,
      status: row.status as PublishedKey['status'],
      notAfter: row.not_after,
    })),
    findVerifier(kid, at) {
      const found = verifiers.get(kid);
      if (!found || isPast(found.row.not_after, at)) return null;
      return found.key.verify;
    },
    pepper: openKeySet(masters, live, 'pepper'),
    refresh: openKeySet(masters, live, 'refresh'),
    data: openKeySet(masters, live, 'data'),
    code: openKeySet(masters, live, 'code'),
  };
}

function openKeySet(masters: readonly MasterKey[], rows: readonly KeyRow[], kind: KeyKind): KeySet {
  const byKid = new Map<string, Buffer>();
  let active: KeySet['active'] | undefined;
  for (const row of rows) {
    if (row.kind !== kind) continue;
    const secret = openKey(masters, row);
    byKid.set(row.kid, secret);
    if (row.status === 'active') active = { kid: row.kid, secret };
  }
  if (!active) throw missingKey(kind);
  return { active, byKid };
}

function isPast(notAfter: Date | null, now: Date): boolean {
  return notAfter !== null && notAfter <= now;
}

function missingKey(kind: KeyKind): AppError {
  return new AppError('config_invalid', {
    text: `There is no active ${kind} key.`,
    hint: `run \`authctl keys rotate --kind ${kind}\` or restore the keys table from a backup`,
  });
}
