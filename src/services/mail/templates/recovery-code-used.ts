import type { MailData } from '../kinds.ts';
import type { Template } from './letter.ts';
import { noticeFacts } from './notice-facts.ts';

export const recoveryCodeUsed: Template<MailData['recovery_code_used']> = (
  notice,
  { product },
) => ({
  subject: `A recovery code of your ${product} account was used`,
  heading: 'A recovery code was used',
  paragraphs: [
    `A recovery code replaced your authenticator app. It does not work again. ${describeLeft(notice.left)}`,
  ],
  facts: noticeFacts(notice),
  advice: 'If this was not you, use “Forgot password” now and make new recovery codes.',
});

function describeLeft(left: number): string {
  if (left === 0) return 'It was the last one: make new ones in your account.';
  return left === 1 ? 'One is left: make new ones in your account.' : `${left} are left.`;
}
