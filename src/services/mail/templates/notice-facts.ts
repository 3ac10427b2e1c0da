import type { Notice } from '../kinds.ts';
import { describeDevice } from './describe-device.ts';

const UTC = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'long',
  timeStyle: 'short',
  timeZone: 'UTC',
});

/** The label of the time. */
export const WHEN = 'When';

/** When, from where and with what something was done; what is not known is left out. */
export function noticeFacts({ at, ip, userAgent }: Notice): (readonly [string, string])[] {
  const device = describeDevice(userAgent);
  return [
    [WHEN, `${UTC.format(new Date(at))} UTC`],
    ...(ip ? [['From', ip] as const] : []),
    ...(device ? [['With', device] as const] : []),
  ];
}
