import { closeSync, openSync, writeSync } from 'node:fs';

/** Lines held back before they are written: a write a line would slow what is being measured. */
const MAX_HELD_LINES = 256;

/** Appends lines to a file. What was appended but not yet written is lost if this process is killed. */
export interface Journal {
  append(line: string): void;
  close(): void;
}

/** Opens (and creates, readable by its owner only) the file at once, so that a bad path fails before the load starts. */
export function openJournal(path: string): Journal {
  const file = openSync(path, 'a', 0o600);
  let held: string[] = [];

  function flush(): void {
    if (held.length > 0) writeSync(file, `${held.join('\n')}\n`);
    held = [];
  }

  return {
    append(line) {
      held.push(line);
      if (held.length >= MAX_HELD_LINES) flush();
    },
    close() {
      flush();
      closeSync(file);
    },
  };
}
