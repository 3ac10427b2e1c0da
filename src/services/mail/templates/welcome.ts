import type { MailData } from '../kinds.ts';
import type { Template } from './letter.ts';

export const welcome: Template<MailData['welcome']> = (_, { product }) => ({
  subject: `Welcome to ${product}`,
  heading: `Welcome to ${product}`,
  paragraphs: ['Your account is ready. Sign in with this address and your password.'],
  advice: `If you did not register at ${product}, use “Forgot password” to take over the account that was made with your address.`,
});
