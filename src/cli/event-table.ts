import type { EventRecord } from '../services/event/records.ts';
import { formatTable } from './format.ts';

export function formatEvents(events: readonly EventRecord[]): string {
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
