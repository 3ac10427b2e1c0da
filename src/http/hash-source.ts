import { createHash } from 'node:crypto';

/** Names an inline script or style by its digest, for a Content-Security-Policy (CSP3 §2.3.1). */
export function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
