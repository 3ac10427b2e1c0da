import { spawn } from 'node:child_process';
import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { processTree, readCpuSeconds, readUsage } from '../../../src/bench/appliance/processes.ts';
import { eventually } from '../../support/eventually.ts';

test('a process that has ended, but is still listed, takes no memory and is left out', async () => {
  // `sleep` does not collect the child it inherits from the shell.
  const parent = spawn('sh', ['-c', 'true & exec sleep 30']);
  try {
    const tree = () => processTree(parent.pid!);
    // The child may end while its parent is still the shell.
    await eventually('the child has ended and is listed', () => {
      const usage = readUsage(tree());
      return tree().length === 2 && usage.length === 1 && usage[0]?.command === 'sleep';
    });
    const [usage, ...others] = readUsage(tree());
    expect(others).toEqual([]);
    expect(usage).toMatchObject({ pid: parent.pid, command: 'sleep' });
    expect(usage?.pssBytes).toBeGreaterThan(0);
  } finally {
    parent.kill('SIGKILL');
  }
});

test('CPU time is that of all threads, finer than the hundredths of a second elsewhere', async () => {
  const before = readCpuSeconds(process.pid);
  // In threads of the pool, not in that of this line.
  await Promise.all([1, 2, 3].map((salt) => promisify(scrypt)('password', String(salt), 32)));
  const used = readCpuSeconds(process.pid) - before;
  expect(used).toBeGreaterThan(0);
  expect((used * 100) % 1).not.toBe(0);
  expect(() => readCpuSeconds(2 ** 30)).toThrow('/proc');
  const { user, system } = process.cpuUsage();
  expect(readCpuSeconds(process.pid)).toBeGreaterThan((user + system) / 1e6 / 2);
});
