import type { Notice } from '../kinds.ts';
import type { Template } from './letter.ts';
import { noticeFacts } from './notice-facts.ts';

export const twoFactorDisabled: Template<Notice> = (notice, { product }) => ({
  subject: `Two-factor sign-in is off for your ${product} account`,
  heading: 'Two-factor sign-in is off',
  paragraphs: [`Signing in to ${product} now takes your password alone.`],
  facts: noticeFacts(notice),
  advice: 'If this was not you, use “Forgot password” now and switch two-factor sign-in on again.',
});
