import type { Notice } from '../kinds.ts';
import type { Template } from './letter.ts';
import { noticeFacts } from './notice-facts.ts';

export const passwordChanged: Template<Notice> = (notice, { product }) => ({
  subject: `Your ${product} password was changed`,
  heading: 'Your password was changed',
  paragraphs: [
    `The password of your ${product} account was changed. All other devices were signed out.`,
  ],
  facts: noticeFacts(notice),
  advice: 'If this was not you, use “Forgot password” now to take your account back.',
});
