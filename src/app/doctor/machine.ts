import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../../../config/index.ts';
import type { Argon2Params } from '../../crypto/argon2/engine.ts';
import { selectEngine } from '../../crypto/argon2/select-engine.ts';
import { randomBytes } from '../../crypto/random.ts';
import type { Clock } from '../../lib/clock.ts';
import { hashParams } from '../open-forge.ts';
import { type Finding, fail, ok, warn } from './check.ts';

const LEAST_NODE = 24;
const MIB = 1024 ** 2;
/** PostgreSQL stops with a full disk; there must be time to notice. */
const LITTLE_SPACE = 1_024 * MIB;
const NO_SPACE = 100 * MIB;
const MEASURE_MS = 400;

/** That Node is new enough. */
export function checkRuntime(version: string, platform: string): Finding {
  const major = Number.parseInt(version, 10);
  if (major >= LEAST_NODE) return ok(`Node ${version} on ${platform}`);
  return fail(`Node ${version} is older than ${LEAST_NODE}.`, 'npm ci installs the right one');
}

/** The data folder: it may be missing, but not shared, unwritable or on a full disk. */
export async function checkDataFolder(path: string): Promise<Finding> {
  const found = await stat(path).catch(() => null);
  if (!found) return checkPlace(path, dirname(path));
  if (!found.isDirectory())
    return fail(`${path} is not a folder.`, 'choose another AUTHCTL_DATA_DIR');
  if ((found.mode & 0o077) !== 0) return fail(`Others may look into ${path}.`, `chmod 700 ${path}`);
  await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  const { bavail, bsize } = await statfs(path);
  const free = bavail * bsize;
  const detail = `${path}, ${Math.floor(free / MIB)} MiB free`;
  if (free < NO_SPACE) return fail(detail, 'make room: PostgreSQL stops when the disk is full');
  return free < LITTLE_SPACE ? warn(detail, 'make room before it runs out') : ok(detail);
}

/** The folder that the first start makes the data folder in, with its parents. */
async function checkPlace(path: string, folder: string): Promise<Finding> {
  const found = await stat(folder).catch(() => null);
  if (!found && folder !== dirname(folder)) return checkPlace(path, dirname(folder));
  const isWritable = await access(folder, constants.W_OK | constants.X_OK).then(
    () => found?.isDirectory() === true,
    () => false,
  );
  if (isWritable) return ok(`${path} does not exist yet; the first start makes it`);
  return fail(
    `${path} does not exist, and cannot be made in ${folder}.`,
    `make it for the user who runs authctl (install -d -m 700 -o …), or choose another AUTHCTL_DATA_DIR`,
  );
}

/** Both Argon2 engines, measured as they would be used; only one that is configured must work. */
export async function checkHashing(config: Config, clock: Clock): Promise<Finding> {
  const { engine, slots, memoryKib, passes, parallelism } = config.hash;
  const params = hashParams(config);
  const rates: string[] = [];
  for (const name of ['node-rs', 'argon2'] as const) {
    try {
      const { hashRaw } = await selectEngine(name);
      const rate = await measure(() => hashOnce(hashRaw, params), slots, clock);
      rates.push(`${name} ${rate.toFixed(0)}/s`);
    } catch {
      rates.push(`${name} does not work here`);
    }
  }
  const used = await selectEngine(engine);
  const cost = `m=${memoryKib},t=${passes},p=${parallelism}`;
  const detail = `${used.name} is used; with ${cost} and ${slots} at once: ${rates.join(', ')}`;
  const isWhole = rates.every((rate) => rate.endsWith('/s'));
  return isWhole ? ok(detail) : warn(detail, 'npm ci on this machine installs both engines');
}

type HashRaw = Awaited<ReturnType<typeof selectEngine>>['hashRaw'];

const hashOnce = (hashRaw: HashRaw, params: Argon2Params) =>
  hashRaw(randomBytes(32), randomBytes(16), params);

/** How often a second something can be done, `lanes` at a time. */
async function measure(work: () => Promise<unknown>, lanes: number, clock: Clock): Promise<number> {
  const startedAt = clock.monotonicMs();
  let done = 0;
  const lane = async () => {
    while (clock.monotonicMs() - startedAt < MEASURE_MS) {
      await work();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return (done * 1_000) / (clock.monotonicMs() - startedAt);
}
