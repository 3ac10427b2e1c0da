import { join } from 'node:path';
import type { Config } from '../../config/index.ts';
import { AppError } from '../errors.ts';
import { type MasterKeySource, providedMasterKeys } from '../services/key/ensure-keys.ts';
import {
  makeMasterKeyFile,
  parseMasterKey,
  readMasterKeyFile,
} from '../services/key/master-key.ts';

export interface MasterKeys extends MasterKeySource {
  /** The files of generated keys; null when the keys are configured. */
  readonly files: MasterKeyFiles | null;
}

export interface MasterKeyFiles {
  readonly current: string;
  /** The successor, while a rotation is under way. */
  readonly next: string;
  /** Held by whoever changes the two. */
  readonly lock: string;
}

/**
 * Where master keys come from: the configuration, or a file of the data folder made at first start.
 * Files are read again on every load, so that a running node follows a rotation.
 */
export function createMasterKeys({ masterKey, masterKeyNext, dataDir }: Config): MasterKeys {
  if (masterKey) {
    const current = parseMasterKey(masterKey.reveal());
    const next = masterKeyNext
      ? [parseMasterKey(masterKeyNext.reveal(), 'AUTHCTL_MASTER_KEY_NEXT')]
      : [];
    return { ...providedMasterKeys([current, ...next]), files: null };
  }
  const files = {
    current: join(dataDir, 'master.key'),
    next: join(dataDir, 'master.next.key'),
    lock: join(dataDir, 'master.lock'),
  };
  return {
    files,
    make: () => makeMasterKeyFile(files.current),
    async load() {
      // The successor first: it takes the current one's place, so the other order could miss it.
      const next = await readMasterKeyFile(files.next);
      const current = await readMasterKeyFile(files.current);
      if (current) return next ? [current, next] : [current];
      throw new AppError('key_mismatch', {
        text: `The master key file ${files.current} is missing, and without it nothing here can be opened.`,
        hint: 'put it back, or set AUTHCTL_MASTER_KEY to what it held',
      });
    },
  };
}
