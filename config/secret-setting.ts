/** The kinds of setting whose value is shown masked. */
import { parseHeaderList } from '../src/lib/header-list.ts';
import { Secret } from './secret.ts';
import { define, type Setting, type Words } from './setting.ts';

/** A secret of any length. */
export function secret(words: Words): Setting<Secret | undefined, 'secret'> {
  return define(words, 'secret', 'a value', undefined, (value) => new Secret(value));
}

/** Standard Webhooks' form: random bytes, 24 at least, in base64. Whatever is no base64 would be left out. */
const BYTES_TO_SIGN_WITH = /^whsec_[\w+/-]{32,}={0,2}$/;

/** A secret that messages are signed with: a text, or bytes as `whsec_…`. */
export function signingSecret(words: Words): Setting<Secret | undefined, 'secret'> {
  const expects = 'at least 32 characters; after whsec_ they are base64';
  return define(words, 'secret', expects, undefined, (value) => {
    const isGood = value.startsWith('whsec_') ? BYTES_TO_SIGN_WITH.test(value) : value.length >= 32;
    return isGood ? new Secret(value) : undefined;
  });
}

/** HTTP headers as OpenTelemetry writes them; they often hold a key. */
export function secretHeaders(words: Words): Setting<Secret | undefined, 'secret'> {
  const expects = 'a list of name=value, values percent-encoded';
  return define(words, 'secret', expects, undefined, (value) =>
    parseHeaderList(value) ? new Secret(value) : undefined,
  );
}

/** A URL that may carry credentials; shown with only its scheme, host and port. */
export function secretUrl(
  words: Words & { protocols: readonly string[] },
): Setting<Secret | undefined, 'secret'> {
  const expects = `a URL that starts with ${words.protocols.map((name) => `${name}://`).join(' or ')}`;
  return define(
    words,
    'secret',
    expects,
    undefined,
    (value) => {
      const url = parseSecretUrl(value);
      const isOurs = url && words.protocols.includes(url.protocol.slice(0, -1));
      return isOurs && hasReadableCredentials(url) ? new Secret(value) : undefined;
    },
    (value) => {
      const url = value && parseSecretUrl(value.reveal());
      return url ? maskUrl(url) : '';
    },
  );
}

/** A `%` that begins no escape is one that somebody forgot to escape (RFC 3986 §2.4). */
function hasReadableCredentials({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

/** A database behind a Unix socket has no host: `postgres://user:password@/name?host=/run/postgresql`. */
function parseSecretUrl(value: string): URL | null {
  const isPostgres = /^postgres(ql)?:/i.test(value);
  return URL.parse(value) ?? (isPostgres ? URL.parse(value.replace('@/', '@localhost/')) : null);
}

/**
 * 32 random bytes in base64 or hexadecimal. Bytes that no generator would produce (zeros, a repeated
 * word) are refused: they are in every attacker's list.
 */
export function key(words: Words): Setting<Secret | undefined, 'secret'> {
  const expects = '32 random bytes in base64 or hexadecimal';
  return define(words, 'secret', expects, undefined, (value) => {
    const bytes = decodeKey(value);
    return bytes?.length === 32 && new Set(bytes).size > 8 ? new Secret(value) : undefined;
  });
}

/** Paths and queries can be secrets too: a webhook's path often is. */
function maskUrl(url: URL): string {
  const credentials = url.username || url.password ? '***@' : '';
  const rest = url.pathname.length > 1 || url.search ? '/***' : '';
  return `${url.protocol}//${credentials}${url.host}${rest}`;
}

function decodeKey(value: string): Buffer | undefined {
  if (/^[\da-f]{64}$/i.test(value)) return Buffer.from(value, 'hex');
  return /^[\w+/-]{43}=?$/.test(value) ? Buffer.from(value, 'base64') : undefined;
}
