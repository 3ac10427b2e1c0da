import type { Code } from '../kinds.ts';
import { codeParts } from './code-letter.ts';
import type { Template } from './letter.ts';

export const verifyEmail: Template<Code> = (data, brand) => {
  const { validity, ...parts } = codeParts(data, brand);
  return {
    subject: `Confirm your e-mail address for ${brand.product}`,
    heading: 'Confirm your e-mail address',
    paragraphs: [`Enter this code in ${brand.product} to go on. ${validity}`],
    ...parts,
    advice:
      'If you did not ask for this, ignore this mail: without the code nothing happens. Never give the code to anyone.',
  };
};
