import { untilAborted } from '../../lib/until-aborted.ts';
import type { OutgoingEvent, Sink, SinkName } from './sinks/sink.ts';
import type { ClaimedEvent } from './store.ts';

/** How far one event came in one try. */
export interface Published {
  readonly event: ClaimedEvent;
  /** Sinks that have it, from this try or an earlier one. */
  readonly confirmedBy: readonly SinkName[];
  /** Why the others do not; null where there are none. */
  readonly failure: string | null;
}

const LONGEST_FAILURE = 300;

/**
 * Publishes events to every sink that has not confirmed them yet, to all sinks at once. Never rejects.
 * @param signal the latest moment; a sink that has not answered by then has failed
 */
export async function publishTo(
  sinks: readonly Sink[],
  events: readonly ClaimedEvent[],
  signal: AbortSignal,
): Promise<readonly Published[]> {
  const failures = await Promise.all(sinks.map((sink) => failuresOf(sink, events, signal)));
  return events.map((event) => {
    const failed = sinks.flatMap((sink, index) => {
      const reason = failures[index]?.get(event.id);
      return reason === undefined ? [] : [{ name: sink.name, text: `${sink.name}: ${reason}` }];
    });
    const names = failed.map(({ name }) => name);
    return {
      event,
      confirmedBy: sinks.map((sink) => sink.name).filter((name) => !names.includes(name)),
      failure: failed.length > 0 ? tidy(failed.map(({ text }) => text).join('; ')) : null,
    };
  });
}

/** Why a sink did not confirm, by event id. */
async function failuresOf(
  sink: Sink,
  events: readonly ClaimedEvent[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const wanted = events.filter((event) => !event.confirmed_by.includes(sink.name));
  if (wanted.length === 0) return new Map();
  const outcomes = await outcomesOf(sink, wanted.map(toOutgoing), signal);
  return new Map(
    wanted.flatMap((event, index) => {
      // An answer that is missing confirms nothing.
      const outcome = outcomes[index] ?? (index in outcomes ? null : new Error('no answer'));
      return outcome === null ? [] : [[event.id, outcome.message]];
    }),
  );
}

async function outcomesOf(
  sink: Sink,
  events: readonly OutgoingEvent[],
  signal: AbortSignal,
): Promise<readonly (Error | null)[]> {
  const late = untilAborted(signal).then(() => events.map(() => new Error('no answer in time')));
  try {
    return await Promise.race([sink.publish(events, signal), late]);
  } catch (error) {
    const failure = error instanceof Error ? error : new Error('failed');
    return events.map(() => failure);
  }
}

/** The text is made once, so that all sinks, and every later try, send the same. */
function toOutgoing(event: ClaimedEvent): OutgoingEvent {
  const body = JSON.stringify({
    id: event.id,
    type: event.type,
    timestamp: event.created_at.toISOString(),
    sequence: Number(event.sequence),
    user_id: event.user_id,
    data: event.payload,
  });
  const { id, type, user_id: userId, created_at: occurredAt } = event;
  return { id, type, userId, occurredAt, body };
}

function tidy(text: string): string {
  return text.replaceAll(/[\p{Cc}\s]+/gu, ' ').slice(0, LONGEST_FAILURE);
}
