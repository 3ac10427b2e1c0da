/** Bytes as PostgreSQL reads them from text, for values inside JSON (PostgreSQL manual, 8.4.1). */
export function byteaText(bytes: Buffer): string {
  return `\\x${bytes.toString('hex')}`;
}
