const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\x20-\x7e]*$/;

/**
 * Reads `name=value,name=value`, values percent-encoded: how OpenTelemetry writes HTTP headers in one
 * variable.
 * @returns null where it is anything else
 */
export function parseHeaderList(text: string): Record<string, string> | null {
  const headers: Record<string, string> = {};
  for (const pair of text.split(',').filter((part) => part.trim() !== '')) {
    const [name, value] = splitPair(pair);
    if (!NAME.test(name) || value === null || !VALUE.test(value)) return null;
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function splitPair(pair: string): [name: string, value: string | null] {
  const end = pair.indexOf('=');
  if (end < 0) return [pair, null];
  return [pair.slice(0, end).trim(), decode(pair.slice(end + 1).trim())];
}

function decode(value: string): string | null {
  try {
    return decodeURIComponent(value);
  } catch {
    return null;
  }
}
