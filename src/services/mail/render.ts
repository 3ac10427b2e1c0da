import type { MailData, MailKind } from './kinds.ts';
import { renderHtml } from './templates/html.ts';
import { TEMPLATES } from './templates/index.ts';
import type { Brand } from './templates/letter.ts';
import { renderText } from './templates/text.ts';
import { renderTextMessage } from './templates/text-message.ts';

/** A mail as its reader sees it. */
export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Turns a kind and its data into subject, text and HTML. */
export type Renderer = <Kind extends MailKind>(kind: Kind, data: MailData[Kind]) => RenderedMail;

export function createRenderer(brand: Brand): Renderer {
  return (kind, data) => {
    const letter = TEMPLATES[kind](data, brand);
    return {
      subject: letter.subject,
      text: renderText(letter, brand),
      html: renderHtml(letter, brand),
    };
  };
}

/** Turns a kind and its data into a text message. */
export type TextRenderer = <Kind extends MailKind>(kind: Kind, data: MailData[Kind]) => string;

export function createTextRenderer(brand: Brand): TextRenderer {
  return (kind, data) => renderTextMessage(TEMPLATES[kind](data, brand), brand);
}
