const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface StopSignal {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP; the reason is the signal's name. */
  readonly signal: AbortSignal;
  /** Gives the signals their normal meaning back. */
  dispose(): void;
}

/**
 * Listens for the request to stop. A second signal ends the process at once, as if nobody listened.
 * @param isSupervised a child of another process of ours: it stops when the channel to its parent
 *   closes, also because the parent was killed, and leaves the terminal's signals to the parent
 */
export function listenForStop(isSupervised = false): StopSignal {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (!isSupervised) dispose();
    if (!isSupervised || name === 'SIGTERM') controller.abort(name);
  };
  const onDisconnect = () => controller.abort('disconnect');
  const dispose = () => {
    for (const name of SIGNALS) process.removeListener(name, onSignal);
    process.removeListener('disconnect', onDisconnect);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  if (isSupervised) process.once('disconnect', onDisconnect);
  // The parent may have gone before anybody listened.
  if (isSupervised && !process.connected) onDisconnect();
  return { signal: controller.signal, dispose };
}
