import { Socket } from 'node:net';

/** Longer than a server that hears us takes to hang up. */
const GOODBYE_MS = 1_000;

/** The sockets of some connections to PostgreSQL. */
export interface Sockets {
  /** A new one: the `stream` of a client of `pg`. */
  open(): Socket;
  /** How many bytes have come in all: it grows while there is a server that says something. */
  received(): number;
  /** Breaks them, and each that is opened from now on: whoever waits for an answer has it now. */
  cut(reason: Error): void;
  /**
   * Waits until all that were told to end have ended. A server that is out of reach never hangs up, and an
   * open socket keeps the process alive: what is left after a second is cut.
   */
  leave(): Promise<void>;
}

export function createSockets(): Sockets {
  const sockets = new Set<Socket>();
  let receivedBefore = 0;
  let cutBecause: Error | undefined;
  return {
    open() {
      const socket = new Socket();
      sockets.add(socket);
      // Not in this turn: its client has yet to listen for errors.
      if (cutBecause) setImmediate(() => socket.destroy(cutBecause));
      return socket.once('close', () => {
        sockets.delete(socket);
        receivedBefore += socket.bytesRead;
      });
    },
    received() {
      return [...sockets].reduce((sum, socket) => sum + socket.bytesRead, receivedBefore);
    },
    cut(reason) {
      cutBecause = reason;
      for (const socket of sockets) socket.destroy(reason);
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
