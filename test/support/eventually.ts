const PAUSE_MS = 20;

/** Waits until `check` holds (true, without throwing), at most `deadlineMs`; then says what it waited for. */
export async function eventually(
  what: string,
  check: () => boolean | Promise<boolean>,
  deadlineMs = 10_000,
): Promise<void> {
  const giveUpAt = performance.now() + deadlineMs;
  let lastError: unknown;
  while (performance.now() < giveUpAt) {
    try {
      if (await check()) return;
    } catch (error) {
      lastError = error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  throw new Error(`still not so: ${what}`, { cause: lastError });
}
