const LONGEST = 300;
const ADDRESS = /[^\s<>"'(),:;]+@[^\s<>"'(),:;]+/g;

/**
 * What went wrong with a try, fit to be stored and logged: mail servers quote recipients, and may
 * quote the message. Addresses and the mail's own secrets are taken out, control characters too.
 */
export function describeFailure(error: unknown, secrets: readonly string[]): string {
  let text = error instanceof Error ? error.message : 'unknown error';
  for (const secret of secrets)
    text = text.replaceAll(new RegExp(escapePattern(secret), 'gi'), '***');
  return text
    .replaceAll(ADDRESS, '***')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, LONGEST);
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
