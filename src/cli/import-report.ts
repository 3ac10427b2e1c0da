import { type FileHandle, open } from 'node:fs/promises';
import { AppError } from '../errors.ts';
import { counted } from '../lib/counted.ts';
import type { ImportSummary, Rejection } from '../services/user/transfer/import-users.ts';

export interface RejectionSink {
  write(rejection: Rejection): Promise<void>;
  close(): Promise<void>;
}

/**
 * Where rejected lines go: into a file that only its owner can read (they may hold password hashes), one
 * JSON object a line with the line itself; else to standard error, without it.
 * @throws AppError `usage` when the file exists or cannot be made
 */
export async function openRejectionSink(path: string | undefined): Promise<RejectionSink> {
  if (path === undefined)
    return { write: async (rejection) => warn(rejection), close: async () => {} };
  const file = await openNew(path);
  return {
    async write({ line, problems, text }) {
      await file.write(`${JSON.stringify({ line, problems, text })}\n`);
    },
    close: () => file.close(),
  };
}

/**
 * One sentence about an import.
 * @param rejects where the rejected lines are
 */
export function describeImport(
  summary: ImportSummary,
  { isDryRun, rejects }: { isDryRun: boolean; rejects: string | undefined },
): string {
  const { lines, imported, existing, rejected } = summary;
  const done = isDryRun ? 'would be imported' : 'imported';
  const where = rejected > 0 && rejects !== undefined ? ` (see ${rejects})` : '';
  return `${counted(lines, 'line')}: ${imported} ${done}, ${existing} there already, ${rejected} rejected${where}.`;
}

function warn({ line, problems }: Rejection): void {
  for (const { pointer, detail } of problems)
    process.stderr.write(`line ${line}: ${pointer ? `${pointer}: ` : ''}${detail}\n`);
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    throw new AppError('usage', {
      text: `The file ${path} exists already, or cannot be made.`,
      hint: 'name another file',
      cause: error,
    });
  }
}
