import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../../src/lib/package-root.ts';
import { findOtherKeys } from './snake-case.ts';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly env?: Record<string, string>;
  /** What standard input holds; it ends there. */
  readonly input?: string;
  /** Sent each time standard error holds `signalAfter` and was not yet answered. */
  readonly signal?: NodeJS.Signals;
  readonly signalAfter?: string;
  /** How often it is sent at most. */
  readonly signals?: number;
}

const BIN = join(packageRoot(), 'bin/run.js');

/**
 * Runs `authctl` as built, in an environment without settings. Whatever it says under `--json` must
 * name its fields in snake_case, as everything else of ours does.
 */
export async function runAuthctl(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  const ended = await runNode(BIN, args, options);
  const others = args.includes('--json') ? findOtherKeys(ended.stdout) : [];
  if (others.length > 0) throw new Error(`not in snake_case: ${others.join(', ')}`);
  return ended;
}

/** Runs a script under this Node until it ends. */
export function runNode(
  script: string,
  args: readonly string[],
  { env = {}, input, signal, signalAfter, signals = Infinity }: RunOptions = {},
): Promise<Ended> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [script, ...args], { env: { PATH, HOME, ...env } });
  if (input !== undefined) child.stdin.end(input);
  const output = { stdout: '', stderr: '' };
  let sent = 0;
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
    if (!signal || !signalAfter || sent === signals || !String(chunk).includes(signalAfter)) return;
    sent += 1;
    child.kill(signal);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, by) => resolve({ code, signal: by, ...output }));
  });
}
