import { Flags } from '@oclif/core';
import { timeFlag } from './time-flag.ts';

/** Which events a command is about. */
export const eventFlags = {
  type: Flags.string({ summary: 'Only events of this type.', helpValue: 'user.registered' }),
  user: Flags.string({ summary: 'Only events of this user.', helpValue: '<id>' }),
  since: timeFlag({ summary: 'Only events since then: 24h, 2026-03-01, 2026-03-01T12:00:00Z.' }),
  until: timeFlag({ summary: 'Only events before then.' }),
};
