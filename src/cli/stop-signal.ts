const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface StopSignal {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP; the reason is the signal's name. */
  readonly signal: AbortSignal;
  /** Gives the signals their normal meaning back. */
  dispose(): void;
}

/** Listens for the request to stop. A second signal ends the process at once, as if nobody listened. */
export function listenForStop(): StopSignal {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    dispose();
    controller.abort(name);
  };
  const dispose = () => {
    for (const name of SIGNALS) process.removeListener(name, onSignal);
  };
  for (const name of SIGNALS) process.once(name, onSignal);
  return { signal: controller.signal, dispose };
}
