import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The file of a module beside the calling one, for `fork`: `.ts` when run from source, `.js` when
 * compiled (the compiler rewrites imports, not paths in strings).
 * @param name relative and without extension, e.g. `./generator-process`
 * @param importMetaUrl the caller's `import.meta.url`
 */
export function siblingModule(name: string, importMetaUrl: string): string {
  return fileURLToPath(new URL(name + extname(fileURLToPath(importMetaUrl)), importMetaUrl));
}
