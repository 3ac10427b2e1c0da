import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { whyNoTool } from './machine-tool.ts';

/** Why the tests that need `faketime` are skipped; undefined where it is there. */
export const whyNoFaketime = whyNoTool('faketime');

export interface WrongClock {
  /** Settings of a process that is to have this wall clock; its monotonic time stays the machine's. */
  readonly env: Record<string, string>;
  /** Sets it, while processes run: `+90s`, `-1h`. */
  set(offset: string): void;
  remove(): void;
}

/** A wall clock that is wrong, and can be set at any moment, for processes of one's choice. */
export function createWrongClock(offset: string): WrongClock {
  const folder = mkdtempSync('/tmp/authctl-clock-');
  const file = join(folder, 'offset');
  const set = (to: string) => writeFileSync(file, `${to}\n`);
  set(offset);
  // Only the tool itself knows where Debian keeps its library.
  const given = execFileSync('faketime', ['-m', '-f', '+0', 'env'], { encoding: 'utf8' });
  return {
    env: {
      LD_PRELOAD: /^LD_PRELOAD=(.*)$/m.exec(given)![1]!,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    set,
    remove: () => rmSync(folder, { recursive: true }),
  };
}
