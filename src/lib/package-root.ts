import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The folder of this package, where `prisma/` and `config/` are: the same whether the program runs
 * from `dist/` or from its sources.
 */
export function packageRoot(): string {
  let folder = import.meta.dirname;
  while (nameOfPackageIn(folder) !== 'authctl') {
    const parent = dirname(folder);
    if (parent === folder)
      throw new Error(`no package.json of authctl above ${import.meta.dirname}`);
    folder = parent;
  }
  return folder;
}

function nameOfPackageIn(folder: string): unknown {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).name;
  } catch {
    // Not a package folder, or not ours to read: look further up.
    return undefined;
  }
}
