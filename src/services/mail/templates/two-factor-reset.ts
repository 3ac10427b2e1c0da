import type { Notice } from '../kinds.ts';
import type { Template } from './letter.ts';
import { noticeFacts } from './notice-facts.ts';

export const twoFactorReset: Template<Notice> = (notice, { product }) => ({
  subject: `Two-factor sign-in was removed from your ${product} account`,
  heading: 'Two-factor sign-in was removed',
  paragraphs: [
    `The staff of ${product} removed the second factor from your account. Signing in takes your password alone until you set it up again.`,
  ],
  facts: noticeFacts(notice),
  advice: `If you did not ask for this, contact the support of ${product} at once.`,
});
