import { createHash } from 'node:crypto';
import { AppError } from '../errors.ts';

/** RFC 9110 §8.8.3: in quotes, and weak with a `W/` before it. */
const ETAG = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/;
/** Tags between commas; empty elements are let through (RFC 9110 §5.6.1). */
const ETAGS = new RegExp(`^[\\t ,]*${ETAG.source}(?:[\\t ]*,[\\t ,]*${ETAG.source})*[\\t ,]*$`);
const VERSION = /^(?:0|[1-9]\d{0,8})$/;

/** The entity tag of a version (RFC 9110 §8.8.3). */
export function etagOf(version: number): string {
  return `"${version}"`;
}

/** The entity tag of a document that has no version: 132 bits of its digest. */
export function etagOfContent(content: string | Buffer): string {
  return `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
}

/**
 * The versions an `If-Match` header asks for, any of which will do; null where the header is absent
 * or `*`. The comparison is strong: a weak tag is nobody's, and neither is one we never gave out
 * (RFC 9110 §13.1.1).
 * @throws AppError `precondition_failed` where nothing in the header can be a version of ours
 */
export function readIfMatch(header: string | undefined): readonly number[] | null {
  if (header === undefined || header.trim() === '*') return null;
  const versions = ETAGS.test(header) ? versionsIn(header) : [];
  if (versions.length === 0) throw new AppError('precondition_failed');
  return versions;
}

function versionsIn(header: string): readonly number[] {
  return [...header.matchAll(new RegExp(ETAG, 'g'))]
    .filter(([, weak, tag = '']) => !weak && VERSION.test(tag))
    .map(([, , tag]) => Number(tag));
}
