import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/index.ts';
import {
  loadOrCreateMasterKeyFile,
  type MasterKey,
  parseMasterKey,
  readMasterKeyFile,
} from '../services/key/master-key.ts';

export interface MasterKeys {
  /** The master keys this process may open keys with, the one that seals new keys first. */
  load(): Promise<readonly [MasterKey, ...MasterKey[]]>;
  /** Where a generated key lies; null when it is configured. */
  readonly file: string | null;
  /** Where the next generated key lies while a rotation is under way. */
  readonly nextFile: string | null;
}

/**
 * Where master keys come from: the configuration, or a file of the data folder made at first start.
 * Read again on every load, so that a running node follows a rotation of the file.
 */
export function createMasterKeys(config: Config): MasterKeys {
  const { masterKey, masterKeyNext } = config;
  if (masterKey) {
    const current = parseMasterKey(masterKey.reveal());
    const next = masterKeyNext ? [parseMasterKey(masterKeyNext.reveal())] : [];
    return { load: async () => [current, ...next], file: null, nextFile: null };
  }
  const file = join(config.dataDir, 'master.key');
  const nextFile = join(config.dataDir, 'master.next.key');
  return {
    file,
    nextFile,
    async load() {
      const current = await loadOrCreateMasterKeyFile(file);
      const hasNext = await access(nextFile).then(
        () => true,
        () => false,
      );
      return hasNext ? [current, await readMasterKeyFile(nextFile)] : [current];
    },
  };
}
