import { formatUuid } from '../../crypto/random.ts';

/** The least UUIDv7 of a time: all ids made before it are less, all made at it or later are not. */
export function firstIdOf(time: Date): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(Math.max(0, time.getTime()), 0, 6);
  return formatUuid(bytes);
}
