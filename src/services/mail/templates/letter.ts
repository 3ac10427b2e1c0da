/** What a mail says, before it becomes text and HTML: both parts are made of this, so they agree. */
export interface Letter {
  /** The only part that mail servers log; never holds a code. */
  readonly subject: string;
  readonly heading: string;
  readonly paragraphs: readonly string[];
  /** To be typed by the reader, shown large. */
  readonly code?: string;
  /** Where the code can be read again; opening it changes nothing. */
  readonly link?: { readonly label: string; readonly url: string };
  /** When, where and with what: label and value. */
  readonly facts?: readonly (readonly [string, string])[];
  /** Small print: what to do if this was not the reader. */
  readonly advice?: string;
}

/** Whose mail it is. */
export interface Brand {
  readonly product: string;
  /** Where links point to; from the configuration, never from a request. */
  readonly publicUrl?: string | undefined;
}

export type Template<Data> = (data: Data, brand: Brand) => Letter;
