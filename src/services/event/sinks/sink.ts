/** An event as every sink publishes it; `body` is the same JSON text everywhere. */
export interface OutgoingEvent {
  readonly id: string;
  readonly type: string;
  readonly userId: string | null;
  readonly occurredAt: Date;
  readonly body: string;
}

export type SinkName = 'kafka' | 'webhook' | 'stdout';

/** Where events go. What is confirmed is never asked for again, so only what has arrived may be. */
export interface Sink {
  readonly name: SinkName;
  /**
   * Hands the events over and waits for the receiver's word. The answers stand in the order of the
   * events: null where it was confirmed, else why not; a rejection fails them all. Messages of the
   * errors are stored and logged: they name no secret and no address.
   * @param signal the latest moment to answer; what has no answer then has failed
   */
  publish(
    events: readonly OutgoingEvent[],
    signal: AbortSignal,
  ): Promise<readonly (Error | null)[]>;
  close(): Promise<void>;
}
