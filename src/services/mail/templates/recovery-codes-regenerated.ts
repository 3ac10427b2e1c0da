import type { Notice } from '../kinds.ts';
import type { Template } from './letter.ts';
import { noticeFacts } from './notice-facts.ts';

export const recoveryCodesRegenerated: Template<Notice> = (notice, { product }) => ({
  subject: `New recovery codes for your ${product} account`,
  heading: 'New recovery codes were made',
  paragraphs: ['The recovery codes you had before no longer work. Throw them away.'],
  facts: noticeFacts(notice),
  advice: 'If this was not you, use “Forgot password” now to take your account back.',
});
