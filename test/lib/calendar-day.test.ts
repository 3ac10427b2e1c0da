import { expect, test } from 'vitest';
import { hasCalendarDay } from '../../src/lib/calendar-day.ts';

test.each(['2026-02-28', '2028-02-29', '2026-12-31T23:59Z', '2026-04-30T10:00:00.123Z'])(
  '%s is a day',
  (text) => expect(hasCalendarDay(text)).toBe(true),
);

test.each([
  '2026-02-29',
  '2026-02-30',
  '2026-04-31T10:00Z',
  '2026-13-01',
  '2026-11-40',
  '2026-00-10',
])('%s is none', (text) => expect(hasCalendarDay(text)).toBe(false));
