import { open, rename, stat } from 'node:fs/promises';

const ROTATE_BYTES = 10 * 1024 * 1024;
const TAIL_BYTES = 4_096;

/** Opens the server's log for appending (mode 0600); a full one is put aside as `.1` first. */
export async function openServerLog(path: string) {
  const found = await stat(path).catch(() => undefined);
  if (found && found.size > ROTATE_BYTES) await rename(path, `${path}.1`);
  return open(path, 'a', 0o600);
}

/** What was written to the log since it was `offset` bytes long, its last 4 KiB at most. */
export async function readServerLog(path: string, offset: number): Promise<string> {
  const log = await open(path, 'r');
  try {
    const { size } = await log.stat();
    const from = Math.max(offset, size - TAIL_BYTES);
    const { buffer, bytesRead } = await log.read({
      position: from,
      buffer: Buffer.alloc(TAIL_BYTES),
    });
    return buffer.toString('utf8', 0, bytesRead).trim();
  } finally {
    await log.close();
  }
}
