/**
 * Gives this process a heap of its own size: Node reads the bound when it starts, so the program is started
 * anew in the same process. Who has set one (`NODE_OPTIONS`) meant it; a process that its starter talks to
 * would lose that channel, and keeps the heap it has.
 * @param environment what the program is started with
 */
export function limitHeap(mebibytes: number, environment: NodeJS.ProcessEnv): void {
  const given = [...process.execArgv, environment['NODE_OPTIONS'] ?? ''];
  const isGiven = given.some((text) =>
    /--max-(old-space|heap)-size/.test(text.replaceAll('_', '-')),
  );
  // Not on Windows.
  if (isGiven || process.connected || !process.execve) return;
  const args = [`--max-old-space-size=${mebibytes}`, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, [process.execPath, ...args], environment);
}
