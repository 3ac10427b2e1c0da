import { Flags } from '@oclif/core';

/** `--by`: what travels by mail, or what does by text message. */
export const channelFlag = Flags.option({
  summary: 'Only mails, or only text messages.',
  options: ['mail', 'sms'] as const,
})();
