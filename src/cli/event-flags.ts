import { Flags } from '@oclif/core';
import { userIdFlag } from './id-input.ts';
import { timeFlag } from './time-flag.ts';

/** Which events a command is about. */
export const eventFlags = {
  type: Flags.string({ summary: 'Only events of this type.', helpValue: 'user.registered' }),
  user: userIdFlag('Only events of this user.'),
  since: timeFlag({ summary: 'Only events since then: 24h, 2026-03-01, 2026-03-01T12:00:00Z.' }),
  until: timeFlag({ summary: 'Only events before then.' }),
};
