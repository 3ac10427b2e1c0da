import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { lockExclusive } from '../db/embedded/file-lock.ts';
import { AppError } from '../errors.ts';
import { syncFolder } from '../lib/private-files.ts';
import { makeMasterKeyFile, readMasterKeyFile } from '../services/key/master-key.ts';
import { type RotateDeps, type RotateResult, rotateMaster } from '../services/key/rotate.ts';
import { keyStore } from '../services/key/store.ts';
import type { MasterKeyFiles, MasterKeys } from './master-keys.ts';

/** Longer than a rotation takes, files and database. */
const LOCK_PATIENCE_MS = 30_000;

/**
 * Rotates the master key to the configured next one; a generated key gets a generated successor.
 * @throws AppError `config_invalid` when keys are configured and no next one is
 */
export async function rotateMasterKey(
  deps: RotateDeps,
  masters: MasterKeys,
  { dryRun }: { dryRun: boolean },
): Promise<RotateResult> {
  if (masters.files) return rotateFiles(deps, masters.files, dryRun);
  const next = (await masters.load())[1];
  if (next) return rotateMaster(deps, { next, dryRun });
  throw new AppError('config_invalid', {
    text: 'No next master key is configured.',
    hint: 'set AUTHCTL_MASTER_KEY_NEXT (or …_FILE) on all nodes, restart them, then rotate',
  });
}

/**
 * The files change around the database's own transaction: the successor is on disk before anything
 * is sealed by it, and replaces the old file only afterwards. Wherever it stops in between, both
 * files are there and the key check value says which one fits; the next rotation finishes it first.
 */
async function rotateFiles(
  deps: RotateDeps,
  files: MasterKeyFiles,
  dryRun: boolean,
): Promise<RotateResult> {
  if (dryRun) return rotateMaster(deps, { next: null, dryRun });
  const lock = await lockExclusive(files.lock, LOCK_PATIENCE_MS, deps.clock);
  try {
    const leftover = await readMasterKeyFile(files.next);
    const instance = await keyStore.findInstance(deps.db);
    if (leftover && leftover.kid === instance?.master_kid) await replace(files);
    await makeMasterKeyFile(files.next);
    const result = await rotateMaster(deps, { next: await readMasterKeyFile(files.next), dryRun });
    await replace(files);
    return result;
  } finally {
    lock.release();
  }
}

async function replace({ next, current }: MasterKeyFiles): Promise<void> {
  await rename(next, current);
  await syncFolder(dirname(current));
}
