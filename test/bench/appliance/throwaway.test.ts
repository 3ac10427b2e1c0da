import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { isAlive, processTree } from '../../../src/bench/appliance/processes.ts';
import {
  createThrowaway,
  type Throwaway,
  type ThrowawayOptions,
} from '../../../src/bench/appliance/throwaway.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { eventually } from '../../support/eventually.ts';

const RUNNER = join(import.meta.dirname, '../support/stand-in.ts');
const made: Throwaway[] = [];

afterEach(async () => {
  for (const throwaway of made.splice(0)) await throwaway.remove();
});

async function create(options: Partial<ThrowawayOptions> = {}): Promise<Throwaway> {
  const throwaway = await createThrowaway({
    runner: RUNNER,
    env: { PATH: '/usr/bin:/bin' },
    clock: systemClock,
    ...options,
  });
  made.push(throwaway);
  return throwaway;
}

describe('throwaway appliance', () => {
  it('never hands the operator’s settings on: his database would be measured', async () => {
    const throwaway = await create({
      env: { AUTHCTL_DATABASE_URL: 'postgres://real', AUTHCTL_CONFIG: '/etc/real.yaml' },
    });
    const settings = JSON.parse(await throwaway.run('show')) as Record<string, string>;
    expect(settings).toEqual({
      AUTHCTL_DATA_DIR: throwaway.dataDir,
      AUTHCTL_LOG_LEVEL: 'warn',
      AUTHCTL_SHUTDOWN_DEADLINE: '8s',
    });
  });

  it('serves until it is stopped, with what it started', async () => {
    const throwaway = await create();
    const settings = { AUTHCTL_LIMITS: 'off' };
    const appliance = await throwaway.serve({ worker: true, settings });
    expect(appliance.settings).toContain('AUTHCTL_LIMITS=off');
    expect((await fetch(`${appliance.url}/health`)).status).toBe(200);
    expect(appliance.startedInMs).toBeGreaterThan(0);
    const usage = await appliance.usage();
    expect(usage.map((process) => process.role)).toEqual(['API', 'worker']);
    expect(usage[0]!.pid).toBe(appliance.pid);
    expect(usage.every((process) => process.pssBytes! > 1_000_000)).toBe(true);
    expect(usage[0]!.cpuSeconds).toBeGreaterThan(0);
    await appliance.stop();
    expect(usage.filter((process) => isAlive(process.pid))).toEqual([]);
  });

  it('starts again on the same folder, without a worker where asked', async () => {
    const throwaway = await create();
    await (await throwaway.serve({ worker: true })).stop();
    const again = await throwaway.serve({ worker: false });
    expect(await again.usage()).toHaveLength(1);
  });

  it('says why a start failed', async () => {
    const throwaway = await create();
    const settings = { AUTHCTL_BROKEN: '1' };
    await expect(throwaway.serve({ worker: false, settings })).rejects.toThrow('broken on purpose');
  });

  it('says why a command failed', async () => {
    const throwaway = await create();
    await expect(throwaway.run('domains', 'add')).rejects.toThrow(
      '`authctl domains add` failed: nothing works today',
    );
  });

  it('removed, leaves neither a process nor a file, and starts nothing any more', async () => {
    const throwaway = await create();
    const appliance = await throwaway.serve({ worker: true });
    const worker = throwaway.startWorker();
    const pids = [...(await appliance.usage()).map(({ pid }) => pid), ...processTree(worker.pid)];
    await throwaway.remove();
    expect(pids.filter(isAlive)).toEqual([]);
    expect(existsSync(throwaway.dataDir)).toBe(false);
    expect(existsSync(join(throwaway.dataDir, '..'))).toBe(false);
    expect(() => throwaway.startWorker()).toThrow();
  });

  it('kills what does not stop, children included', async () => {
    const throwaway = await create({ stopDeadlineMs: 300 });
    const settings = { AUTHCTL_STUBBORN: '1' };
    const appliance = await throwaway.serve({ worker: true, settings });
    const pids = (await appliance.usage()).map(({ pid }) => pid);
    expect(pids).toHaveLength(2);
    await appliance.stop();
    await eventually('none is left', () => !pids.some(isAlive));
  });

  it('stops waiting for a start when it is aborted', async () => {
    const throwaway = await create();
    const signal = AbortSignal.abort(new Error('changed my mind'));
    await expect(throwaway.serve({ worker: false, signal })).rejects.toThrow('changed my mind');
  });
});
