import type { Notice } from '../kinds.ts';
import type { Template } from './letter.ts';
import { noticeFacts } from './notice-facts.ts';

export const passwordWasReset: Template<Notice> = (notice, { product }) => ({
  subject: `Your ${product} password was reset`,
  heading: 'Your password was reset',
  paragraphs: [
    `A new password was set for your ${product} account with a code sent to this address. All devices were signed out.`,
  ],
  facts: noticeFacts(notice),
  advice:
    'If this was not you, somebody can read your mail: secure your mailbox first, then reset the password again.',
});
