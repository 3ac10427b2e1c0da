import type { Notice } from '../kinds.ts';
import type { Template } from './letter.ts';
import { noticeFacts } from './notice-facts.ts';

export const phoneChanged: Template<Notice> = (notice, { product }) => ({
  subject: `Your ${product} telephone number was changed`,
  heading: 'Your telephone number was changed',
  paragraphs: [
    `The telephone number of your ${product} account was changed or removed. Text messages about its security no longer go to the number there was.`,
  ],
  facts: noticeFacts(notice),
  advice: 'If this was not you, use “Forgot password” now to take your account back.',
});
