import { AppError } from '../errors.ts';

/** The entity tag of a version (RFC 9110 §8.8.3). */
export function etagOf(version: number): string {
  return `"${version}"`;
}

/**
 * The version an `If-Match` header asks for; null where the header is absent or `*`.
 * @throws AppError `precondition_failed` for a tag that no version of ours ever had
 */
export function readIfMatch(header: string | undefined): number | null {
  if (header === undefined || header.trim() === '*') return null;
  const match = /^"(\d{1,9})"$/.exec(header.trim());
  if (!match) throw new AppError('precondition_failed');
  return Number(match[1]);
}
