/** Markup that is safe to insert as it is. */
export interface Html {
  readonly html: string;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A template tag for markup: every text inserted is escaped, markup made by this tag is not. */
export function html(markup: TemplateStringsArray, ...values: readonly (string | Html)[]): Html {
  const inserted = values.map((value) =>
    typeof value === 'string' ? escapeHtml(value) : value.html,
  );
  return { html: String.raw({ raw: markup }, ...inserted) };
}

/** Inserts our own constants unescaped, style sheets for example; never anything from outside. */
export function raw(markup: string): Html {
  return { html: markup };
}

/** Puts pieces of markup one below the other. */
export function join(pieces: readonly Html[]): Html {
  return { html: pieces.map((piece) => piece.html).join('\n') };
}

/** Fit for text and for quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
