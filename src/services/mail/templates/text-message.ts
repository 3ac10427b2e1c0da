import type { Brand, Letter } from './letter.ts';
import { WHEN } from './notice-facts.ts';

/**
 * The text message: whose it is, what happened, when, what to do. No code and no link, which only train
 * people to follow those of others; the characters of a telephone's own alphabet (GSM 03.38) where the
 * product's name allows it, as any other halves what fits into one.
 */
export function renderTextMessage({ heading, facts, advice }: Letter, { product }: Brand): string {
  const when = facts?.find(([label]) => label === WHEN)?.[1];
  const what = when ? `${heading}, ${when}.` : `${heading}.`;
  return [`${product}: ${what}`, advice].filter(Boolean).join(' ').replaceAll(/[“”]/g, '"');
}
