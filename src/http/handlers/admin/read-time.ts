import { fieldError } from '../../../errors.ts';
import { hasCalendarDay } from '../../../lib/calendar-day.ts';

/**
 * Reads a time of a query. The schema's pattern lets a 31st of November through; what no calendar
 * knows is refused here.
 * @throws AppError `validation_failed`
 */
export function readTime(text: string | undefined, pointer: string): Date | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (!Number.isNaN(time.getTime()) && hasCalendarDay(text)) return time;
  throw fieldError(pointer, 'bad_format', 'There is no such time.');
}
