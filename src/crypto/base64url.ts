/**
 * Reads base64url in its one canonical spelling (RFC 4648 section 5: no padding, spare bits zero).
 * Node's own decoder skips what it does not know, so two texts could mean one token; a list of
 * revoked or used texts would miss the second.
 * @returns null for every other spelling
 */
export function readBase64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
