import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { processTree, readUsage } from '../../../src/bench/appliance/processes.ts';
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
