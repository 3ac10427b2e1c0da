import type { ParsedUrlQuery } from 'node:querystring';
import type { TObject } from './typebox.ts';

/** Up to 15 digits: every one of them is a number JavaScript holds exactly. */
const INTEGER = /^-?\d{1,15}$/;

/**
 * Reads numbers and booleans out of a query string, which holds only text, where the schema says
 * so. Whatever does not read cleanly stays text, and a name given twice a list: the check refuses
 * both.
 */
export function readQuery(
  raw: ParsedUrlQuery,
  schema: TObject | undefined,
): Record<string, unknown> {
  const values: Record<string, unknown> = Object.create(null);
  for (const [name, text] of Object.entries(raw)) {
    const property = schema && Object.hasOwn(schema.properties, name) && schema.properties[name];
    values[name] = property ? readValue(text, Reflect.get(property, 'type')) : text;
  }
  return values;
}

function readValue(text: string | string[] | undefined, type: unknown): unknown {
  if (typeof text !== 'string') return text;
  if (type === 'integer' && INTEGER.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
