import type { Notice } from '../kinds.ts';
import type { Template } from './letter.ts';
import { noticeFacts } from './notice-facts.ts';

export const signedIn: Template<Notice> = (notice, { product }) => ({
  subject: `New sign-in to your ${product} account`,
  heading: 'Somebody signed in',
  paragraphs: [`This was a sign-in to your ${product} account. If it was you, all is well.`],
  facts: noticeFacts(notice),
  advice: 'If this was not you, use “Forgot password” now: it also ends every session.',
});
