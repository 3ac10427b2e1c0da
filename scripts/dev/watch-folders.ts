import { existsSync, type FSWatcher, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';

/**
 * Tells of every change in folders and all that are in them. Node's own recursive watch follows files on
 * Linux, and loses one that an editor replaces.
 */
export function watchFolders(folders: readonly string[], onChange: () => void) {
  const watchers = new Map<string, FSWatcher>();

  function add(folder: string): void {
    if (watchers.has(folder)) return;
    const watcher = watch(folder, () => {
      if (existsSync(folder)) addAllIn(folder);
      else remove(folder);
      onChange();
    });
    // A folder that goes away is a change of the one it was in.
    watcher.on('error', () => remove(folder));
    watchers.set(folder, watcher);
    addAllIn(folder);
  }

  /** Another of its name is another folder. */
  function remove(folder: string): void {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  }

  function addAllIn(folder: string): void {
    for (const name of foldersIn(folder)) add(join(folder, name));
  }

  for (const folder of folders) add(folder);
  return {
    close() {
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

function foldersIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}
