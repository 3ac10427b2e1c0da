import type { MailData } from '../kinds.ts';
import type { Template } from './letter.ts';
import { noticeFacts } from './notice-facts.ts';

export const emailChanged: Template<MailData['email_changed']> = (notice, { product }) => ({
  subject: `Your ${product} e-mail address was changed`,
  heading: 'Your e-mail address was changed',
  paragraphs: [
    `Your ${product} account now uses ${notice.newAddress}. An address that it used before no longer signs in. All other devices were signed out.`,
  ],
  facts: noticeFacts(notice),
  advice: `If this was not you, contact the support of ${product} at once.`,
});
