import type { MailData } from '../kinds.ts';
import type { Template } from './letter.ts';

export const test: Template<MailData['test']> = (_, { product }) => ({
  subject: `Test mail from ${product}`,
  heading: 'It works',
  paragraphs: [
    `This mail was sent by “authctl mail test”. ${product} can reach your mailbox with the settings it has.`,
  ],
});
