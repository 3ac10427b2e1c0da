import { rename } from 'node:fs/promises';
import { AppError } from '../errors.ts';
import { loadOrCreateMasterKeyFile } from '../services/key/master-key.ts';
import { type RotateDeps, type RotateResult, rotateMaster } from '../services/key/rotate.ts';
import type { MasterKeys } from './master-keys.ts';

/**
 * Rotates the master key to the configured next one; a generated key gets a generated successor.
 *
 * The files change around the database's own transaction: the successor is on disk before anything
 * is sealed by it, and replaces the old file only afterwards. Wherever it stops in between, both
 * files are there and the key check value says which one fits.
 * @throws AppError `config_invalid` when keys are configured and no next one is
 */
export async function rotateMasterKey(
  deps: RotateDeps,
  { load, file, nextFile }: MasterKeys,
  { dryRun }: { dryRun: boolean },
): Promise<RotateResult> {
  if (file === null || nextFile === null) {
    const next = (await load())[1];
    if (!next)
      throw new AppError('config_invalid', {
        text: 'No next master key is configured.',
        hint: 'set AUTHCTL_MASTER_KEY_NEXT (or …_FILE) on all nodes, restart them, then rotate',
      });
    return rotateMaster(deps, { next, dryRun });
  }
  if (dryRun) throw new AppError('usage', { text: 'A generated master key has no dry run.' });
  const next = await loadOrCreateMasterKeyFile(nextFile);
  const result = await rotateMaster(deps, { next, dryRun });
  await rename(nextFile, file);
  return result;
}
