import { AppError } from '../../errors.ts';

interface ProfileNode {
  readonly selfSize: number;
  readonly children: readonly ProfileNode[];
}

/**
 * Samples what an API process allocates on its JavaScript heap: V8 notes an object every 32 KiB or so,
 * what is collected at once included, and scales its samples up. An estimate, within some per cent
 * for some hundred samples; memory outside of the heap (buffers, Argon2id) is not in it.
 * @param token of an operator who may `debug`
 * @param seconds 1 to 60
 * @returns bytes allocated meanwhile
 */
export async function sampleAllocations(
  managementUrl: string,
  token: string,
  seconds: number,
  signal: AbortSignal,
): Promise<number> {
  const response = await fetch(`${managementUrl}/debug/heap?seconds=${seconds}`, {
    headers: { authorization: `Bearer ${token}` },
    signal,
  });
  const profile = (await response.json()) as { readonly head?: ProfileNode };
  if (profile.head) return sumProfile(profile.head);
  throw new AppError('internal', { text: `A heap profile was answered ${response.status}.` });
}

/** Adds a sampling heap profile (`.heapprofile`) up. */
export function sumProfile(head: ProfileNode): number {
  const nodes = [head];
  let bytes = 0;
  for (const node of nodes) {
    bytes += node.selfSize;
    nodes.push(...node.children);
  }
  return bytes;
}
