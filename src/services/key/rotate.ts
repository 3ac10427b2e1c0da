import type { Db, Queryable } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Actor } from '../audit/actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { KeyKind, SecretKind } from './kinds.ts';
import { makeKey, resealKey } from './make-key.ts';
import { checkMasterKey, keyCheckValue, type MasterKey } from './master-key.ts';
import { type KeyRow, keyStore } from './store.ts';
import { countKeyUses } from './uses.ts';

/** What a rotation did or, dry, would do; a key that is still to be made has no id yet. */
export interface RotateResult {
  readonly kind: KeyKind | 'master';
  readonly dry_run: boolean;
  /** The key that is active afterwards. */
  readonly active_kid: string | null;
  /** The key that was active before; it verifies until `not_after` (null: as long as it is in use). */
  readonly previous_kid: string;
  readonly not_after: string | null;
  /** The key published for the rotation after this one (signing only). */
  readonly next_kid: string | null;
}

export interface RetireResult {
  readonly kid: string;
  readonly dry_run: boolean;
}

export interface RotateDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly actor: Actor;
  loadMasters(): Promise<readonly MasterKey[]>;
}

/** No token of ours lives as long; and the time it ends must be one that can be written. */
const MAX_GRACE_MS = 365 * 86_400_000;

/**
 * Longer than a request can take that began with the key before: what it writes must be counted
 * before that key may go, or a password, a seed or a token would never be right again.
 */
const SETTLE_MS = 60_000;

/**
 * Promotes the published `next` signing key, so that verifiers which cached the set already know
 * it; the old one verifies until its grace ends. No restart, no token refused in between.
 * @param graceMs how long the old key still verifies; at least the access token lifetime avoids 401s
 * @throws AppError `validation_failed` for a grace of more than a year
 */
export async function rotateSigning(
  deps: RotateDeps,
  { graceMs, dryRun }: { graceMs: number; dryRun: boolean },
): Promise<RotateResult> {
  checkGrace(graceMs);
  return changeKeys(deps, 'signing', dryRun, async (tx, { rows, master, now }) => {
    const active = findOnly(rows, 'signing', 'active');
    const next = findOnly(rows, 'signing', 'next');
    const notAfter = new Date(now.getTime() + graceMs);
    const successor = dryRun ? null : await makeKey(master, 'signing', 'next', now);
    if (successor) {
      await keyStore.move(tx, active.kid, 'active', { status: 'retiring', notAfter });
      await keyStore.move(tx, next.kid, 'next', { status: 'active', activatedAt: now });
      await keyStore.insert(tx, successor);
    }
    return {
      kind: 'signing',
      dry_run: dryRun,
      active_kid: next.kid,
      previous_kid: active.kid,
      not_after: notAfter.toISOString(),
      next_kid: successor?.kid ?? null,
    };
  });
}

function checkGrace(graceMs: number): void {
  if (graceMs <= MAX_GRACE_MS) return;
  const text = 'A replaced key verifies for a year at most.';
  throw new AppError('validation_failed', {
    text,
    hint: 'authctl keys rotate --grace 24h',
    fields: [{ pointer: '/grace', code: 'too_large', detail: text }],
  });
}

/**
 * Makes a new key of a kind that only authctl itself knows. What is written from now on uses it; what
 * is there moves when it is next used: a password when its owner signs in, a session when it is
 * refreshed, an authenticator with its next code. The old one reads until nothing needs it (see
 * `retireKey`). A node that meets the new key before it has heard of it asks for it.
 */
export function rotateSecret(
  deps: RotateDeps,
  { kind, dryRun }: { kind: SecretKind; dryRun: boolean },
): Promise<RotateResult> {
  return changeKeys(deps, kind, dryRun, async (tx, { rows, master, now }) => {
    const active = findOnly(rows, kind, 'active');
    const successor = dryRun ? null : await makeKey(master, kind, 'active', now);
    if (successor) {
      await keyStore.move(tx, active.kid, 'active', { status: 'retiring' });
      await keyStore.insert(tx, successor);
    }
    return {
      kind,
      dry_run: dryRun,
      active_kid: successor?.kid ?? null,
      previous_kid: active.kid,
      not_after: null,
      next_kid: null,
    };
  });
}

/**
 * Seals every key again with the next master key. Nodes that hold both masters notice nothing; the
 * old one can be removed from the configuration afterwards.
 * @param next null only in a dry run, where it is still to be made
 * @throws AppError `conflict` when the keys are sealed by it already
 */
export function rotateMaster(
  deps: RotateDeps,
  { next, dryRun }: { next: MasterKey | null; dryRun: boolean },
): Promise<RotateResult> {
  return changeKeys(deps, 'master', dryRun, async (tx, { rows, master, masters, instanceId }) => {
    if (next?.kid === master.kid)
      throw new AppError('conflict', {
        text: 'The keys are already sealed by this master key.',
        hint: 'authctl keys list',
      });
    if (next && !dryRun) {
      for (const row of rows)
        await keyStore.reseal(tx, row.kid, resealKey(masters, row, next), next.kid);
      await keyStore.updateMaster(tx, next.kid, keyCheckValue(next, instanceId));
    }
    return {
      kind: 'master',
      dry_run: dryRun,
      active_kid: next?.kid ?? null,
      previous_kid: master.kid,
      not_after: null,
      next_kid: null,
    };
  });
}

/**
 * Retires a key now: what it signed fails on every node within a second.
 * @throws AppError `not_found` for an unknown kid; `conflict` for an active or next key, or for one
 *   that something still needs (what and how much is in the text)
 */
export async function retireKey(
  { db, clock, actor }: Omit<RotateDeps, 'loadMasters'>,
  kid: string,
  { dryRun }: { dryRun: boolean },
): Promise<RetireResult> {
  const now = clock.now();
  await db.transaction(async (tx) => {
    await keyStore.lockInstance(tx);
    const rows = await keyStore.all(tx);
    const row = rows.find((candidate) => candidate.kid === kid);
    if (!row || row.status === 'retired')
      throw new AppError('not_found', { text: 'There is no such key.', hint: 'authctl keys list' });
    if (row.status !== 'retiring')
      throw new AppError('conflict', {
        text: `This key is ${row.status}.`,
        hint: `rotate it first: authctl keys rotate --kind ${row.kind}`,
      });
    if (row.kind !== 'signing') await checkUnused(tx, rows, row.kind, kid, now);
    if (dryRun) return;
    await keyStore.move(tx, kid, 'retiring', { status: 'retired', retiredAt: now });
    await keyStore.bumpRevision(tx);
    await recordAudit(tx, {
      at: now,
      action: 'key.retired',
      actor,
      detail: { kid, kind: row.kind },
    });
  });
  return { kid, dry_run: dryRun };
}

async function checkUnused(
  tx: Queryable,
  rows: readonly KeyRow[],
  kind: SecretKind,
  kid: string,
  now: Date,
): Promise<void> {
  const { total, text, hint } = await countKeyUses(tx, kind, kid);
  if (total > 0) throw new AppError('conflict', { text: `Still needed by ${text}.`, hint });
  const replacedAt = findOnly(rows, kind, 'active').activated_at;
  const waitMs = replacedAt ? replacedAt.getTime() + SETTLE_MS - now.getTime() : 0;
  if (waitMs > 0)
    throw new AppError('conflict', {
      text: 'This key was replaced less than a minute ago; requests under way may still use it.',
      hint: `try again in ${Math.ceil(waitMs / 1_000)} s`,
    });
}

interface ChangeContext {
  readonly rows: readonly KeyRow[];
  readonly master: MasterKey;
  readonly masters: readonly MasterKey[];
  readonly instanceId: string;
  readonly now: Date;
}

/** Runs a change of keys under the instance's row lock, audits it, and tells every node. */
async function changeKeys(
  { db, clock, actor, loadMasters }: RotateDeps,
  kind: RotateResult['kind'],
  dryRun: boolean,
  change: (tx: Queryable, context: ChangeContext) => Promise<RotateResult>,
): Promise<RotateResult> {
  const masters = await loadMasters();
  const now = clock.now();
  return db.transaction(async (tx) => {
    const instance = await keyStore.lockInstance(tx);
    if (!instance) throw new AppError('not_found', { text: 'This database has no keys yet.' });
    const master = checkMasterKey(masters, instance);
    const rows = await keyStore.all(tx);
    const instanceId = instance.instance_id;
    const result = await change(tx, { rows, master, masters, instanceId, now });
    if (dryRun) return result;
    await keyStore.bumpRevision(tx);
    await recordAudit(tx, {
      at: now,
      action: `key.${kind}_rotated`,
      actor,
      detail: { active_kid: result.active_kid, previous_kid: result.previous_kid },
    });
    return result;
  });
}

function findOnly(rows: readonly KeyRow[], kind: KeyRow['kind'], status: KeyRow['status']): KeyRow {
  const row = rows.find((candidate) => candidate.kind === kind && candidate.status === status);
  if (!row) throw new AppError('conflict', { text: `There is no ${status} ${kind} key.` });
  return row;
}
