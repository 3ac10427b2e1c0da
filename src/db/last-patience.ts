import type { Sockets } from './sockets.ts';

/** A server that lives answers the clock's question within a second. */
const PATIENCE_MS = 3_000;
const LOOK_MS = 250;
const LOOKS = PATIENCE_MS / LOOK_MS;

/**
 * From the moment on that the process is to end, gives a server up that says nothing for three seconds.
 * That bounds all of the end's work on the database at once: each step waits for a time-out of its own
 * else, one after the other. A server that answers is waited for, however long the work takes.
 * @param giveUp called once at most
 * @returns ends the watch
 */
export function watchLastPatience(
  sockets: Sockets,
  ending: AbortSignal,
  giveUp: (reason: Error) => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  function watch(): void {
    let received = sockets.received();
    let silentLooks = 0;
    timer = setInterval(() => {
      const now = sockets.received();
      // Looks are counted and not time: a process that was held up itself has yet to read what came.
      silentLooks = now === received ? silentLooks + 1 : 0;
      received = now;
      if (silentLooks < LOOKS) return;
      clearInterval(timer);
      giveUp(silent());
    }, LOOK_MS);
    timer.unref();
  }
  if (ending.aborted) watch();
  else ending.addEventListener('abort', watch, { once: true });
  return () => {
    ending.removeEventListener('abort', watch);
    clearInterval(timer);
  };
}

function silent(): Error {
  const text = `PostgreSQL has said nothing for ${PATIENCE_MS / 1_000} s, and this process ends`;
  return Object.assign(new Error(text), { code: 'ETIMEDOUT' });
}
