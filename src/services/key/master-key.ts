import { createHmac } from 'node:crypto';
import { link, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isEqual } from '../../crypto/equal.ts';
import { randomBytes } from '../../crypto/random.ts';
import { AppError } from '../../errors.ts';
import { errorCode } from '../../lib/error-code.ts';
import {
  ensurePrivateFolder,
  readIfExists,
  syncFolder,
  writePrivateFile,
} from '../../lib/private-files.ts';

/** The key that seals all others. It is never in the database and never in a backup. */
export interface MasterKey {
  /** Names the key without revealing it. */
  readonly kid: string;
  readonly secret: Buffer;
}

const MASTER_KEY_BYTES = 32;

/**
 * Reads a master key written as 64 hexadecimal digits or as base64 (with or without padding).
 * @param origin the setting or file it came from, for the error
 * @throws AppError `config_invalid`, without the value, when it is not exactly 32 bytes
 */
export function parseMasterKey(text: string, origin = 'AUTHCTL_MASTER_KEY'): MasterKey {
  const trimmed = text.trim();
  const secret = /^[0-9a-f]{64}$/i.test(trimmed)
    ? Buffer.from(trimmed, 'hex')
    : Buffer.from(trimmed, 'base64');
  const canonical =
    secret.length === MASTER_KEY_BYTES && new Set(secret).size > 8 && /^[\w+/=-]+$/.test(trimmed);
  if (!canonical) {
    throw new AppError('config_invalid', {
      text: `${origin} does not hold 32 random bytes in hexadecimal or base64.`,
      hint: 'an installation that had a key needs that one back; for a new one: openssl rand -hex 32',
    });
  }
  return { kid: masterKid(secret), secret };
}

/**
 * Makes a key file (mode 0600, synced to disk before first use: losing it would lose every account),
 * or leaves the one that is there.
 */
export async function makeMasterKeyFile(path: string): Promise<void> {
  await ensurePrivateFolder(dirname(path));
  const secret = randomBytes(MASTER_KEY_BYTES);
  const draft = `${path}.${secret.subarray(0, 4).toString('hex')}.new`;
  try {
    await writePrivateFile(draft, `${secret.toString('hex')}\n`);
    // A link appears whole or not at all: of several first starts, one makes the key, all read it.
    await link(draft, path);
    await syncFolder(dirname(path));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Reads a master key file; null where there is none.
 * @throws AppError `config_invalid` when others than its owner may read it, or it holds no key
 */
export async function readMasterKeyFile(path: string): Promise<MasterKey | null> {
  const text = await readIfExists(path);
  if (text === undefined) return null;
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) {
    throw new AppError('config_invalid', {
      text: `The master key file ${path} can be read by others.`,
      hint: `chmod 600 ${path}`,
    });
  }
  return parseMasterKey(text, path);
}

function masterKid(secret: Buffer): string {
  return createHmac('sha256', secret).update('authctl/master-kid/v1').digest('hex').slice(0, 16);
}

/** What the database keeps to recognise the master key: proves it without helping to guess it. */
export function keyCheckValue(master: MasterKey, instanceId: string): Buffer {
  return createHmac('sha256', master.secret).update(`authctl/kcv/v1\0${instanceId}`).digest();
}

/**
 * Finds, of the configured master keys, the one that opens this database.
 * @throws AppError `key_mismatch` when none is: before anything has been written
 */
export function checkMasterKey(
  masters: readonly MasterKey[],
  instance: {
    readonly instance_id: string;
    readonly master_kid: string;
    readonly key_check_value: Buffer;
  },
): MasterKey {
  const { instance_id, master_kid, key_check_value } = instance;
  const master = masters.find((key) => isEqual(keyCheckValue(key, instance_id), key_check_value));
  if (master) return master;
  throw new AppError('key_mismatch', {
    hint: `set AUTHCTL_MASTER_KEY (or AUTHCTL_MASTER_KEY_FILE) to ${master_kid}: the first one, or the one it was rotated to last`,
  });
}
