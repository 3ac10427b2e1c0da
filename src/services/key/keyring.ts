import { type SigningKey, signingKeyFromSeed, type VerifyKey } from '../../crypto/access-token.ts';
import type { Db } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { createSnapshot } from '../snapshot.ts';
import type { KeyKind, KeyStatus, SecretKind } from './kinds.ts';
import { openKey } from './make-key.ts';
import type { MasterKey } from './master-key.ts';
import { type KeyRow, keyStore } from './store.ts';

/** The keys of one symmetric kind: one that writes, all that still read. */
export interface KeySet {
  readonly active: { readonly kid: string; readonly secret: Buffer };
  readonly byKid: ReadonlyMap<string, Buffer>;
}

/** A public signing key, as `/v1/keys` and `keys export` show it. */
export interface PublishedKey {
  readonly kid: string;
  readonly paserk: string;
  readonly status: Exclude<KeyStatus, 'retired'>;
  readonly not_after: string | null;
}

/** All keys, opened: what a process works with. */
export interface Keyring {
  readonly signing: SigningKey;
  /** The signing keys a verifier must know at a time, `next` included. */
  published(now: Date): PublishedKey[];
  /** The key that verifies tokens of a kid at a time; null for unknown, retired or expired kids. */
  findVerifier(kid: string, now: Date): VerifyKey | null;
  readonly pepper: KeySet;
  readonly refresh: KeySet;
  readonly data: KeySet;
  readonly code: KeySet;
}

export interface Keys {
  /** The keyring, at most half a second old. Fails when it is older and the database is away. */
  ring(): Promise<Keyring>;
  /** The keyring as it is now: for whoever met a key that the one at hand does not know. */
  latest(): Promise<Keyring>;
  /** The keys of a kind, one of which was met by its id: read anew where another node has just made it. */
  having(kind: SecretKind, kid: string | null | undefined): Promise<KeySet>;
  published(): Promise<PublishedKey[]>;
  invalidate(): void;
  ageMs(): number;
}

/** Half the bound within which a rotation must have taken effect on every node. */
const MAX_AGE_MS = 500;

export interface KeysDeps {
  readonly db: Db;
  readonly clock: Clock;
  /** The configured master keys, read whenever a key is met for the first time. */
  loadMasters(): Promise<readonly MasterKey[]>;
}

/** The keyring of this process, kept current with the database. */
export function createKeys({ db, clock, loadMasters }: KeysDeps): Keys {
  /** A key's secret never changes, so it is opened once: what is loaded works on without its master key. */
  let secrets: ReadonlyMap<string, Buffer> = new Map();

  async function openSecrets(rows: readonly KeyRow[]): Promise<ReadonlyMap<string, Buffer>> {
    const isNew = rows.some(({ kid }) => !secrets.has(kid));
    // After the rows: a rotation stores the next master key before it seals anything by it.
    const masters = isNew ? await loadMasters() : [];
    return new Map(rows.map((row) => [row.kid, secrets.get(row.kid) ?? openKey(masters, row)]));
  }

  const snapshot = createSnapshot<Keyring>({
    clock,
    maxAgeMs: MAX_AGE_MS,
    revision: () => readRevision(db),
    async load() {
      const now = clock.now();
      const rows = (await keyStore.all(db)).filter((row) => !isRetired(row, now));
      secrets = await openSecrets(rows);
      return openKeyring(rows, secrets);
    },
  });

  return {
    ring: snapshot.get,
    latest: snapshot.latest,
    async having(kind, kid) {
      const set = (await snapshot.get())[kind];
      return !kid || set.byKid.has(kid) ? set : (await snapshot.latest())[kind];
    },
    published: async () => (await snapshot.get()).published(clock.now()),
    invalidate: snapshot.invalidate,
    ageMs: snapshot.ageMs,
  };
}

async function readRevision(db: Db): Promise<number> {
  const instance = await keyStore.findInstance(db);
  if (instance) return instance.revision;
  throw new AppError('config_invalid', {
    text: 'This database has no keys.',
    hint: 'start `authctl serve` once, or restore the tables instance and keys from a backup',
  });
}

/** Whether a key is done with at a time: retired by hand, or its grace is over. */
export function isRetired({ status, not_after }: KeyRow, now: Date): boolean {
  return status === 'retired' || (not_after !== null && not_after <= now);
}

async function openKeyring(
  rows: readonly KeyRow[],
  secrets: ReadonlyMap<string, Buffer>,
): Promise<Keyring> {
  const signers = await Promise.all(
    rows
      .filter((row) => row.kind === 'signing')
      .map(async (row) => ({ row, key: await signingKeyFromSeed(secrets.get(row.kid)!) })),
  );
  const active = signers.find(({ row }) => row.status === 'active');
  if (!active) throw missingKey('signing');
  const byKid = new Map(signers.map((signer) => [signer.row.kid, signer]));
  const keySet = (kind: SecretKind) => openKeySet(kind, rows, secrets);

  return {
    signing: active.key,
    published: (now) =>
      signers.filter(({ row }) => !isRetired(row, now)).map(({ row, key }) => present(row, key)),
    findVerifier(kid, now) {
      const found = byKid.get(kid);
      return found && !isRetired(found.row, now) ? found.key.verify : null;
    },
    pepper: keySet('pepper'),
    refresh: keySet('refresh'),
    data: keySet('data'),
    code: keySet('code'),
  };
}

function openKeySet(
  kind: SecretKind,
  rows: readonly KeyRow[],
  secrets: ReadonlyMap<string, Buffer>,
): KeySet {
  const ofKind = rows.filter((row) => row.kind === kind);
  const active = ofKind.find((row) => row.status === 'active');
  if (!active) throw missingKey(kind);
  const byKid = new Map(ofKind.map(({ kid }) => [kid, secrets.get(kid)!]));
  return { active: { kid: active.kid, secret: byKid.get(active.kid)! }, byKid };
}

function present(row: KeyRow, { kid, paserk }: SigningKey): PublishedKey {
  const not_after = row.not_after?.toISOString() ?? null;
  // Rows that are retired are not in the ring.
  return { kid, paserk, status: row.status as PublishedKey['status'], not_after };
}

function missingKey(kind: KeyKind): AppError {
  return new AppError('config_invalid', {
    text: `There is no active ${kind} key.`,
    hint: 'restore the table keys from a backup',
  });
}
