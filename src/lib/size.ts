const UNITS = { B: 1, KB: 1_000, MB: 1_000_000, GB: 1_000_000_000 } as const;

/**
 * Reads a size such as `500KB`, `50MB` or `1GB`, in powers of ten; `0` needs no unit.
 * @returns bytes, or null where the text is not a size
 */
export function parseSize(text: string): number | null {
  if (text === '0') return 0;
  const match = /^(\d{1,9})(B|KB|MB|GB)$/.exec(text.toUpperCase());
  if (!match) return null;
  return Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
}

/** Writes bytes in the largest unit that keeps them whole: the inverse of `parseSize`. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return '0';
  for (const unit of ['GB', 'MB', 'KB'] as const)
    if (bytes % UNITS[unit] === 0) return `${bytes / UNITS[unit]}${unit}`;
  return `${bytes}B`;
}
