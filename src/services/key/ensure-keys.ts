import { uuidv7 } from '../../crypto/random.ts';
import type { Db } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import { KEY_KINDS } from './kinds.ts';
import { makeKey } from './make-key.ts';
import { checkMasterKey, keyCheckValue, type MasterKey } from './master-key.ts';
import { keyStore } from './store.ts';

/** Where master keys come from. */
export interface MasterKeySource {
  /** The master keys at hand, the one that seals first. @throws AppError where there is none */
  load(): Promise<readonly [MasterKey, ...MasterKey[]]>;
  /** Makes the one that seals where there is none, if it is not the operator who provides it. */
  make(): Promise<void>;
}

/** Master keys that the operator provides. */
export function providedMasterKeys(masters: readonly [MasterKey, ...MasterKey[]]): MasterKeySource {
  return { load: async () => masters, make: async () => undefined };
}

/**
 * Makes the instance and its first keys, once for any number of nodes that start together; on a
 * database that has them, only checks that this node's master key fits. A master key that is missing
 * then is lost or not mounted: making another would hide that.
 * @returns the instance id
 * @throws AppError `key_mismatch` before anything is written
 */
export async function ensureKeys(
  { db, clock }: { db: Db; clock: Clock },
  masters: MasterKeySource,
): Promise<string> {
  const existing = await keyStore.findInstance(db);
  if (existing) {
    checkMasterKey(await masters.load(), existing);
    return existing.instance_id;
  }
  await masters.make();
  const [master] = await masters.load();
  const now = clock.now();
  const instanceId = uuidv7(now.getTime());
  const keys = await Promise.all([
    ...KEY_KINDS.map((kind) => makeKey(master, kind, 'active', now)),
    makeKey(master, 'signing', 'next', now),
  ]);

  return db.transaction(async (tx) => {
    const isFirst = await keyStore.insertInstance(tx, {
      instance_id: instanceId,
      master_kid: master.kid,
      key_check_value: keyCheckValue(master, instanceId),
    });
    if (isFirst) {
      for (const key of keys) await keyStore.insert(tx, key);
      return instanceId;
    }
    const winner = await keyStore.lockInstance(tx);
    checkMasterKey([master], winner!);
    return winner!.instance_id;
  });
}
