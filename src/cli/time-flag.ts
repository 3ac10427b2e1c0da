import { Flags } from '@oclif/core';
import { AppError } from '../errors.ts';
import { hasCalendarDay } from '../lib/calendar-day.ts';
import { systemClock } from '../lib/clock.ts';
import { parseDuration } from '../lib/duration.ts';

/** A date, optionally with a time; without a zone it is UTC, like everything we print. */
const DATE = /^\d{4}-\d\d-\d\d$/;
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/;

/** A flag that takes a point in time: `2026-03-01`, `2026-03-01T12:00:00Z`, or `24h` for that long ago. */
export const timeFlag = Flags.custom<Date, { summary: string }>({
  helpValue: '<time>',
  parse: async (text) => parseTime(text),
});

/**
 * Reads a point in time.
 * @throws AppError `usage` where the text is none
 */
function parseTime(text: string): Date {
  const ago = parseDuration(text);
  if (ago !== null) return new Date(systemClock.now().getTime() - ago);
  const hasZone = /(Z|[+-]\d\d:\d\d)$/.test(text) || DATE.test(text);
  const time = new Date(hasZone ? text : `${text}Z`);
  const isDay = (DATE.test(text) || DATE_TIME.test(text)) && hasCalendarDay(text);
  if (isDay && !Number.isNaN(time.getTime())) return time;
  throw new AppError('usage', {
    text: `"${text}" is not a point in time.`,
    hint: 'write 24h for that long ago, 2026-03-01 or 2026-03-01T12:00:00Z',
  });
}
