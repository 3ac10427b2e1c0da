import type { Notice } from '../kinds.ts';
import type { Template } from './letter.ts';
import { noticeFacts } from './notice-facts.ts';

export const accountDeleted: Template<Notice> = (notice, { product }) => ({
  subject: `Your ${product} account was deleted`,
  heading: 'Your account was deleted',
  paragraphs: [
    `Your ${product} account and what was stored about it were deleted. All devices were signed out.`,
  ],
  facts: noticeFacts(notice),
  advice: `If this was not you, contact the support of ${product} at once.`,
});
