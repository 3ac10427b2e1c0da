import type { MailData } from '../kinds.ts';
import type { Template } from './letter.ts';

export const addressTaken: Template<MailData['address_taken']> = (_, { product }) => ({
  subject: `You already have an account at ${product}`,
  heading: 'You already have an account',
  paragraphs: [
    `Somebody, probably you, tried to register at ${product} with this address. It has an account already, so no new one was made.`,
    'Sign in as usual. If you no longer know the password, use “Forgot password”.',
  ],
  advice: 'If it was not you, there is nothing to do: your account has not changed.',
});
