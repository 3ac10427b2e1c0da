import { spawn } from 'node:child_process';
import type { ServerCommand } from './server-account.ts';

/**
 * Runs a program to its end.
 * @throws Error with what it wrote when it fails
 */
export async function runProgram(command: ServerCommand, input = ''): Promise<void> {
  const child = spawn(command.file, command.args, { ...command.options, stdio: 'pipe' });
  let output = '';
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  // A program that ends early closes its input; its exit code tells why.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (status !== 0) throw new Error(`${command.file} failed (${status}): ${output.trim()}`);
}
