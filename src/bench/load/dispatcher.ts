import type { Connection, ConnectionEvents } from './connection.ts';
import type { LoadErrors, LoadPlan } from './plan.ts';
import type { Answer } from './response-parser.ts';
import type { Scenario } from './scenario.ts';
import type { Tally } from './tally.ts';

/** Decides which connection sends what, and when; and when the run is over. */
export interface Dispatcher {
  /** What connection number `index` reports to. */
  events(index: number): ConnectionEvents;
  /** Resolves when every connection has been opened, or has failed to once. */
  readonly connected: Promise<void>;
  /** Starts sending. @param elapsedMs milliseconds since this call */
  start(elapsedMs: () => number): void;
  /** Resolves when nothing is in flight and nothing more may be sent. */
  readonly finished: Promise<void>;
  /** Closes seconds, gives up on requests that take too long, notices the end. Call it regularly. */
  sweep(): void;
  /** Open loop: sends what has become due. Call it as often as the arrivals should be exact. */
  offerIdle(): void;
  /** No request is sent from now on. */
  stop(): void;
  /** When sending ended, in milliseconds since the start. */
  readonly endMs: number;
  /** Open loop: requests that were due before the end and found no free connection. */
  readonly unsent: number;
}

interface DispatcherDeps {
  readonly plan: LoadPlan;
  readonly timeoutMs: number;
  readonly scenario: Scenario;
  readonly tally: Tally;
  readonly connections: readonly Connection[];
}

export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { plan, scenario, tally, connections } = deps;
  const maxRequests = plan.maxRequests ?? Number.POSITIVE_INFINITY;
  const millisecondsApart = 1_000 / (plan.ratePerSecond ?? Number.POSITIVE_INFINITY);
  const isOpenLoop = plan.ratePerSecond !== undefined;
  /** Per connection, since the start: when its request was due, and when it left. */
  const dueAt = new Float64Array(plan.connections);
  const sentAt = new Float64Array(plan.connections);
  const triedToConnect = new Set<number>();
  const exhausted = new Set<number>();
  const connected = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<void>();
  let elapsed: (() => number) | undefined;
  let idle: number[] = [];
  let endMs = plan.durationMs;
  let sent = 0;
  let inFlight = 0;

  const maySend = (now: number) => now < endMs && sent < maxRequests;

  function noteTried(index: number): void {
    triedToConnect.add(index);
    if (triedToConnect.size === plan.connections) connected.resolve();
  }

  /** Gives a free connection its next request, or parks it. */
  function offer(index: number): void {
    if (!elapsed || !connections[index]?.ready) return;
    const now = elapsed();
    // Closed loop: a request is due when its connection is free. Open loop: by the clock alone.
    const due = isOpenLoop ? sent * millisecondsApart : now;
    if (!maySend(now)) finishIfDrained(now);
    else if (due > now) idle.push(index);
    else send(index, due, now);
  }

  function send(index: number, due: number, now: number): void {
    const request = scenario.next(index);
    if (request === null) {
      exhausted.add(index);
      finishIfDrained(now);
      return;
    }
    dueAt[index] = due;
    sentAt[index] = now;
    sent += 1;
    inFlight += 1;
    tally.sent(request.length);
    connections[index]!.send(request);
  }

  function finishIfDrained(now: number): void {
    const goesOn = maySend(now) && exhausted.size < plan.connections;
    if (inFlight > 0 || goesOn) return;
    endMs = Math.min(endMs, now);
    finished.resolve();
  }

  function answered(index: number, { status, body, wireBytes, retryAfterSeconds }: Answer): void {
    inFlight -= 1;
    tally.response(status, dueAt[index]!, elapsed!(), wireBytes);
    scenario.onResponse?.(index, status, body);
    const isRefusal = status === 429 || status === 503;
    const restMs = isRefusal ? Math.min(retryAfterSeconds * 1_000, plan.mostRestMs ?? 0) : 0;
    if (restMs > 0) setTimeout(offer, restMs, index).unref();
    else offer(index);
  }

  function failed(index: number, kind: keyof LoadErrors): void {
    noteTried(index);
    tally.error(kind);
    if (kind !== 'connect') inFlight -= 1;
    if (elapsed) finishIfDrained(elapsed());
  }

  return {
    connected: connected.promise,
    finished: finished.promise,
    events: (index) => ({
      onReady() {
        noteTried(index);
        offer(index);
      },
      onResponse: (answer) => answered(index, answer),
      onError: (kind) => failed(index, kind),
    }),
    start(elapsedMs) {
      elapsed = elapsedMs;
      for (let index = 0; index < plan.connections; index++) offer(index);
    },
    sweep() {
      if (!elapsed) return;
      const now = elapsed();
      tally.roll(now);
      for (const [index, connection] of connections.entries()) {
        if (connection.busy && now - sentAt[index]! > deps.timeoutMs) connection.timeOut();
      }
      finishIfDrained(now);
    },
    offerIdle() {
      const waiting = idle;
      idle = [];
      for (const index of waiting) offer(index);
    },
    stop() {
      endMs = Math.min(endMs, elapsed?.() ?? 0);
    },
    get endMs() {
      return endMs;
    },
    get unsent() {
      if (!isOpenLoop) return 0;
      const due = Math.min(Math.ceil(endMs / millisecondsApart), maxRequests);
      return Math.max(0, due - sent);
    },
  };
}
