import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

/** Where the kernel's controller of memory is, in its first version. */
const ROOT = '/sys/fs/cgroup/memory';

/** A group of processes that share a bound on their memory, page cache included. */
export interface MemoryLimit {
  /** Whoever writes its id there belongs to it, with all it starts. */
  readonly joinFile: string;
  usedBytes(): number;
  /** Processes that the kernel has ended because the group had no room for them. */
  oomKills(): number;
  /** @returns whether it could be set: the kernel refuses one below what it cannot take away */
  set(bytes: number): boolean;
  /** Once its processes have ended. */
  remove(): Promise<void>;
}

export function createMemoryLimit(bytes: number): MemoryLimit {
  const folder = join(ROOT, `authctl-test-${process.pid}`);
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');
  const limit: MemoryLimit = {
    joinFile: join(folder, 'cgroup.procs'),
    usedBytes: () => Number(read('memory.usage_in_bytes')),
    oomKills: () => Number(/^oom_kill (\d+)$/m.exec(read('memory.oom_control'))?.[1]),
    set(wanted) {
      try {
        writeFileSync(join(folder, 'memory.limit_in_bytes'), String(wanted));
        return true;
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'EBUSY') return false;
        throw error;
      }
    },
    remove: () =>
      eventually('its processes have ended', () => {
        rmdirSync(folder);
        return true;
      }),
  };
  mkdirSync(folder);
  try {
    writeFileSync(join(folder, 'memory.swappiness'), '0');
    limit.set(bytes);
    if (Number.isNaN(limit.oomKills())) throw new Error('it does not count what it ends');
  } catch (error) {
    rmdirSync(folder);
    throw error;
  }
  return limit;
}

/** Why the tests that bound memory are skipped; undefined where it can be done. */
export const whyNoMemoryLimit = tryIt();

function tryIt(): string | undefined {
  try {
    const limit = createMemoryLimit(2 ** 30);
    rmdirSync(join(limit.joinFile, '..'));
    return undefined;
  } catch (error) {
    return `no memory cgroup (v1) can be made: ${error instanceof Error ? error.message : error}`;
  }
}
