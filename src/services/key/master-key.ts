import { createHmac } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isEqual } from '../../crypto/equal.ts';
import { randomBytes } from '../../crypto/random.ts';
import { AppError } from '../../errors.ts';

/** The key that seals all others. It is never in the database and never in a backup. */
export interface MasterKey {
  /** Names the key without revealing it. */
  readonly kid: string;
  readonly secret: Buffer;
}

const MASTER_KEY_BYTES = 32;

/**
 * Reads a master key written as 64 hexadecimal digits or as base64 (with or without padding).
 * @throws AppError `config_invalid`, without the value, when it is not exactly 32 bytes
 */
export function parseMasterKey(text: string): MasterKey {
  const trimmed = text.trim();
  const secret = /^[0-9a-f]{64}$/i.test(trimmed)
    ? Buffer.from(trimmed, 'hex')
    : Buffer.from(trimmed, 'base64');
  const canonical =
    secret.length === MASTER_KEY_BYTES && new Set(secret).size > 8 && /^[\w+/=-]+$/.test(trimmed);
  if (!canonical) {
    throw new AppError('config_invalid', {
      text: 'AUTHCTL_MASTER_KEY is not 32 random bytes in hexadecimal or base64.',
      hint: 'make one with: openssl rand -hex 32',
    });
  }
  return { kid: masterKid(secret), secret };
}

/**
 * Reads the key file of the data folder, or makes it (mode 0600, synced to disk before first use:
 * losing it would lose every account).
 * @throws AppError `config_invalid` when others than its owner may read it
 */
export async function loadOrCreateMasterKeyFile(path: string): Promise<MasterKey> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const secret = randomBytes(MASTER_KEY_BYTES);
  const draft = `${path}.${secret.subarray(0, 4).toString('hex')}.new`;
  try {
    await writeDurably(draft, `${secret.toString('hex')}\n`);
    // A link appears whole or not at all: of several first starts, one makes the key, all read it.
    await link(draft, path);
    await syncFolder(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return readMasterKeyFile(path);
}

/**
 * Reads a master key file.
 * @throws AppError `config_invalid` when others than its owner may read it
 */
export async function readMasterKeyFile(path: string): Promise<MasterKey> {
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) {
    throw new AppError('config_invalid', {
      text: `The master key file ${path} can be read by others.`,
      hint: `chmod 600 ${path}`,
    });
  }
  return parseMasterKey(await readFile(path, 'utf8'));
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function masterKid(secret: Buffer): string {
  return createHmac('sha256', secret).update('authctl/master-kid/v1').digest('hex').slice(0, 16);
}

/** What the database keeps to recognise the master key: proves it without helping to guess it. */
export function keyCheckValue(master: MasterKey, instanceId: string): Buffer {
  return createHmac('sha256', master.secret).update(`authctl/kcv/v1\0${instanceId}`).digest();
}

/** Picks, of the configured master keys, the one the database was written with; null when none is. */
export function findMasterKey(
  masters: readonly MasterKey[],
  instance: { instanceId: string; keyCheckValue: Uint8Array },
): MasterKey | null {
  const stored = Buffer.from(instance.keyCheckValue);
  return masters.find((key) => isEqual(keyCheckValue(key, instance.instanceId), stored)) ?? null;
}
