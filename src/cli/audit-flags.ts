import { Flags } from '@oclif/core';
import { userIdFlag } from './id-input.ts';
import { timeFlag } from './time-flag.ts';

/** Which audit records a command is about. */
export const auditFlags = {
  user: userIdFlag('Only what concerns this user.'),
  action: Flags.string({
    summary: 'Only this action, or all of an area: password.changed, password.*',
    helpValue: '<action>',
  }),
  since: timeFlag({ summary: 'Only since then: 24h, 2026-03-01, 2026-03-01T12:00:00Z.' }),
  until: timeFlag({ summary: 'Only before then.' }),
};
