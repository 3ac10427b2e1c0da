import { type Html, html, join, raw } from '../../../lib/html.ts';
import type { Brand, Letter } from './letter.ts';

// Colours stand inline for readers that drop style sheets; the classes let those that keep them
// (and follow the system) turn dark.
const DARK = `
  @media (prefers-color-scheme: dark) {
    .page { background: #16181d !important; }
    .card { background: #20232a !important; border-color: #343841 !important; }
    .ink { color: #f2f3f5 !important; }
    .soft { color: #a9afba !important; }
    .code { background: #2b2f38 !important; color: #ffffff !important; }
    .rule { border-color: #343841 !important; }
    .link { color: #8ab4ff !important; }
  }`;
const FONT = `font-family: -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif;`;
const MONO = `font-family: ui-monospace, 'SF Mono', Menlo, Consolas, 'Liberation Mono', monospace;`;

/** The HTML part: one narrow card, readable on a phone, light or dark, with no picture to load. */
export function renderHtml(letter: Letter, brand: Brand): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no">
<title>${letter.subject}</title>
<style>${raw(DARK)}
</style>
</head>
<body class="page" style="margin: 0; padding: 0; background: #f3f4f6;">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" style="background: #f3f4f6;">
<tr><td align="center" style="padding: 32px 16px;">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width: 480px;">
<tr><td class="soft" style="${raw(FONT)} padding: 0 4px 16px; font-size: 15px; font-weight: 600; color: #4b5563;">${brand.product}</td></tr>
<tr><td class="card" style="${raw(FONT)} padding: 32px 28px; background: #ffffff; border: 1px solid #e5e7eb; border-radius: 12px;">
<h1 class="ink" style="margin: 0 0 16px; font-size: 22px; line-height: 1.3; font-weight: 650; color: #111827;">${letter.heading}</h1>
${join(letter.paragraphs.map(paragraph))}
${letter.code ? codeBlock(letter.code) : ''}
${letter.link ? linkLine(letter.link) : ''}
${letter.facts ? factTable(letter.facts) : ''}
${letter.advice ? adviceLine(letter.advice) : ''}
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`.html.replace(/\n{2,}/g, '\n');
}

function paragraph(text: string): Html {
  return html`<p class="ink" style="margin: 0 0 16px; font-size: 16px; line-height: 1.55; color: #1f2937;">${text}</p>`;
}

function codeBlock(code: string): Html {
  const style = `${MONO} margin: 8px 0 20px; padding: 18px 8px; border-radius: 8px; background: #f3f4f6; color: #111827; font-size: 30px; line-height: 1.2; font-weight: 600; letter-spacing: 3px; text-align: center; white-space: nowrap; user-select: all;`;
  return html`<div class="code" style="${raw(style)}">${code}</div>`;
}

function linkLine({ label, url }: NonNullable<Letter['link']>): Html {
  return html`<p style="margin: 0 0 16px; font-size: 15px; line-height: 1.5; text-align: center;"><a class="link" href="${url}" style="color: #1d4ed8;">${label}</a></p>`;
}

function factTable(facts: NonNullable<Letter['facts']>): Html {
  const rows = facts.map(
    ([label, value]) =>
      html`<tr><td class="soft" style="padding: 4px 16px 4px 0; color: #6b7280; vertical-align: top;">${label}</td><td class="ink" width="100%" style="padding: 4px 0; color: #1f2937; overflow-wrap: anywhere;">${value}</td></tr>`,
  );
  return html`<table role="presentation" cellpadding="0" cellspacing="0" width="100%" style="margin: 4px 0 16px; font-size: 15px; line-height: 1.45;">${join(rows)}</table>`;
}

function adviceLine(text: string): Html {
  return html`<p class="soft rule" style="margin: 20px 0 0; padding-top: 16px; border-top: 1px solid #e5e7eb; font-size: 14px; line-height: 1.5; color: #6b7280;">${text}</p>`;
}
