/**
 * Whether a text begins with a day that is in the calendar: `Date` takes the 30th of February for the
 * 2nd of March.
 * @param text begins with `YYYY-MM-DD`
 */
export function hasCalendarDay(text: string): boolean {
  const day = text.slice(0, 'YYYY-MM-DD'.length);
  const time = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(day);
}
