import { Socket } from 'node:net';

/** Longer than a server that hears us takes to hang up. */
const GOODBYE_MS = 1_000;

/** The sockets of some connections to PostgreSQL. */
export interface Sockets {
  /** A new one: the `stream` of a client of `pg`. */
  open(): Socket;
  /**
   * Waits until all that were told to end have ended. A server that is out of reach never hangs up, and an
   * open socket keeps the process alive: what is left after a second is cut.
   */
  leave(): Promise<void>;
}

export function createSockets(): Sockets {
  const sockets = new Set<Socket>();
  return {
    open() {
      const socket = new Socket();
      sockets.add(socket);
      return socket.once('close', () => sockets.delete(socket));
    },
    async leave() {
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, GOODBYE_MS);
      await Promise.all([...sockets].map(closed));
      clearTimeout(timer);
    },
  };
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}
