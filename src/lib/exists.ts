import { access } from 'node:fs/promises';

/** Whether there is something at a path that we can get to; a link counts for what it leads to. */
export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
