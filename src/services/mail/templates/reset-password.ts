import type { Code } from '../kinds.ts';
import { codeParts } from './code-letter.ts';
import type { Template } from './letter.ts';

export const resetPassword: Template<Code> = (data, brand) => {
  const { validity, ...parts } = codeParts(data, brand);
  return {
    subject: `Reset your ${brand.product} password`,
    heading: 'Reset your password',
    paragraphs: [`Enter this code in ${brand.product} to choose a new password. ${validity}`],
    ...parts,
    advice:
      'If you did not ask for this, ignore this mail: your password stays as it is. Never give the code to anyone.',
  };
};
