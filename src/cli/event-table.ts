import type { EventRecord } from '../services/event/records.ts';
import { formatTable } from './format.ts';

/** An event as `--json` prints it. */
export type EventView = {
  readonly [Field in keyof EventRecord]: EventRecord[Field] extends Date | null
    ? string | Extract<EventRecord[Field], null>
    : EventRecord[Field];
};

export function presentEvent(event: EventRecord): EventView {
  return {
    ...event,
    created_at: event.created_at.toISOString(),
    next_attempt_at: event.next_attempt_at?.toISOString() ?? null,
    published_at: event.published_at?.toISOString() ?? null,
    dead_at: event.dead_at?.toISOString() ?? null,
  };
}

export function formatEvents(events: readonly EventView[]): string {
  return formatTable(
    ['ID', 'TYPE', 'USER', 'STATE', 'TRIES', 'CREATED', 'NEXT TRY', 'LAST ERROR'],
    events.map((event) => [
      event.id,
      event.type,
      event.user_id,
      event.state,
      event.attempts,
      event.created_at,
      event.next_attempt_at,
      event.last_error,
    ]),
  );
}
