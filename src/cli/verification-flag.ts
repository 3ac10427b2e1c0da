import { Flags } from '@oclif/core';

/** What a new address of a domain must prove. */
export const verificationFlag = Flags.custom<'none' | 'email_code'>({
  summary: 'What a new address must prove: nothing, or a code mailed to it.',
  options: ['none', 'email_code'],
});
