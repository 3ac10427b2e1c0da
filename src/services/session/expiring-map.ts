export interface ExpiringMap<T> {
  /** The value, unless it expired at or before `now`. */
  get(key: string, now: number): T | undefined;
  set(key: string, value: T, expiresAt: number): void;
  delete(key: string): void;
}

/**
 * A map of at most `capacity` entries, each valid until a time of its own. The oldest entry makes
 * room for a new one, so memory is bounded whatever clients send.
 */
export function createExpiringMap<T>(capacity: number): ExpiringMap<T> {
  const entries = new Map<string, { value: T; expiresAt: number }>();
  return {
    get(key, now) {
      const entry = entries.get(key);
      if (!entry) return undefined;
      if (entry.expiresAt > now) return entry.value;
      entries.delete(key);
      return undefined;
    },
    set(key, value, expiresAt) {
      entries.delete(key);
      if (entries.size >= capacity) {
        const oldest = entries.keys().next();
        if (!oldest.done) entries.delete(oldest.value);
      }
      entries.set(key, { value, expiresAt });
    },
    delete(key) {
      entries.delete(key);
    },
  };
}
