import { runTask } from '../child/run-task.ts';
import { siblingModule } from '../child/sibling-module.ts';

export interface RawArgon2Input {
  readonly engine: 'auto' | 'node-rs' | 'argon2';
  readonly memoryKib: number;
  readonly passes: number;
  readonly parallelism: number;
  /** Hashes kept in flight. */
  readonly slots: number;
  readonly durationMs: number;
}

export interface RawArgon2Rate {
  /** The engine that was measured: what `auto` chose. */
  readonly engine: string;
  readonly perSecond: number;
  readonly hashes: number;
}

/**
 * Measures how many Argon2id hashes a second this machine computes with nothing around them: the
 * ceiling of logins and of hardening. In a process of its own, with `slots` always in flight.
 */
export function measureRawArgon2(
  input: RawArgon2Input,
  signal?: AbortSignal,
): Promise<RawArgon2Rate> {
  return runTask(siblingModule('./raw-argon2-process', import.meta.url), input, { signal });
}
