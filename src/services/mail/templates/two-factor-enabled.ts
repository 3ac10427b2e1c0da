import type { Notice } from '../kinds.ts';
import type { Template } from './letter.ts';
import { noticeFacts } from './notice-facts.ts';

export const twoFactorEnabled: Template<Notice> = (notice, { product }) => ({
  subject: `Two-factor sign-in is on for your ${product} account`,
  heading: 'Two-factor sign-in is on',
  paragraphs: [
    'From now on signing in takes your password and a code of your authenticator app. Keep the recovery codes in a safe place: each replaces the app once.',
  ],
  facts: noticeFacts(notice),
  advice:
    'If this was not you, somebody knows your password: use “Forgot password” now, then ask support to remove the second factor.',
});
