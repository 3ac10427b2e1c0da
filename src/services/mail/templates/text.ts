import type { Brand, Letter } from './letter.ts';

/** The plain-text part: the same words in the same order as the HTML part. */
export function renderText(letter: Letter, brand: Brand): string {
  const blocks = [
    letter.heading,
    ...letter.paragraphs,
    letter.code && `    ${letter.code}`,
    letter.link && `${letter.link.label}:\n${letter.link.url}`,
    letter.facts?.map(([label, value]) => `${label}: ${value}`).join('\n'),
    letter.advice,
    // The signature separator of RFC 3676 section 4.3: two hyphens and a blank.
    `-- \n${brand.product}`,
  ];
  return `${blocks.filter(Boolean).join('\n\n')}\n`;
}
