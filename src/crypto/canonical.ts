/**
 * One spelling for everything that identifies an account.
 *
 * Addresses and usernames are ASCII only, tested before any case folding: Unicode folds look-alikes
 * onto other people's accounts (U+212A KELVIN SIGN lower-cases, and normalises, to `k`), so they
 * are refused rather than mapped. Domains with other letters are written as A-labels (`xn--…`). What
 * is left needs no NFC, and lower-casing is one bit per letter.
 */

const ATOM = "[a-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const DOMAIN = `(?:${LABEL}\\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])`;
const EMAIL_PATTERN = new RegExp(`^${ATOM}(?:\\.${ATOM})*@${DOMAIN}$`);
const DOMAIN_PATTERN = new RegExp(`^${DOMAIN}$`);

/** RFC 5321 section 4.5.3.1; the whole address by RFC 3696 erratum 1690. */
const MAX_LOCAL_PART = 64;
const MAX_DOMAIN = 253;
const MAX_EMAIL = 254;
/** White space around an address is trimmed, so the raw text may be a little longer. */
const MAX_RAW = MAX_EMAIL + 64;

/**
 * The canonical form of an e-mail address: white space around it gone, ASCII lower case. Only the plain
 * form `dot-atom@domain.tld` (RFC 5321 section 4.1.2) passes: quoted local parts, comments, lists,
 * display names, IP literals, control characters and non-ASCII have been read as another mailbox
 * by one mail server or another.
 * @returns null where it is not such an address
 */
export function canonicaliseEmail(raw: string): string | null {
  const email = lowerCaseAscii(raw);
  if (email === null || email.length > MAX_EMAIL) return null;
  const at = email.indexOf('@');
  if (at > MAX_LOCAL_PART || email.length - at - 1 > MAX_DOMAIN) return null;
  return EMAIL_PATTERN.test(email) ? email : null;
}

/** The domain of a canonical address. */
export function domainOf(canonicalEmail: string): string {
  return canonicalEmail.slice(canonicalEmail.indexOf('@') + 1);
}

/** The canonical form of an e-mail domain, by the same rule as in an address; null where it is none. */
export function canonicaliseDomain(raw: string): string | null {
  const domain = lowerCaseAscii(raw);
  if (domain === null || domain.length > MAX_DOMAIN) return null;
  return DOMAIN_PATTERN.test(domain) ? domain : null;
}

export interface CanonicalUsername {
  /** As its owner writes it. */
  readonly display: string;
  /** What must be unique. */
  readonly key: string;
}

const USERNAME_PATTERN = /^[a-z0-9][a-z0-9._-]{1,30}[a-z0-9]$/;

/**
 * A username of 3 to 32 letters, digits, `.`, `_` and `-`, beginning and ending with a letter or
 * digit; null where it is none. It never contains `@`, so it cannot be taken for an address.
 */
export function canonicaliseUsername(raw: string): CanonicalUsername | null {
  const key = lowerCaseAscii(raw);
  if (key === null || !USERNAME_PATTERN.test(key)) return null;
  return { display: trimAscii(raw), key };
}

/**
 * A telephone number in E.164 form (`+` and 7 to 15 digits). Blanks and the separators `- . ( ) /`
 * are dropped; a national number, or one with a trunk zero in brackets, is refused, not guessed.
 */
export function normalisePhone(raw: string): string | null {
  if (raw.length > 32 || raw.includes('(0)')) return null;
  const number = raw.replace(/[ \-./()]/g, '');
  return /^\+[1-9][0-9]{6,14}$/.test(number) ? number : null;
}

const PRINTABLE_ASCII = /^[\x21-\x7e]+$/;

/** White space around it gone, lower case; null unless what is left is printable ASCII. */
function lowerCaseAscii(raw: string): string | null {
  if (raw.length > MAX_RAW) return null;
  const text = trimAscii(raw);
  return PRINTABLE_ASCII.test(text) ? text.toLowerCase() : null;
}

/** What comes along with a copied line, its end included; `trim()` would hide a dozen Unicode spaces too. */
function trimAscii(text: string): string {
  return text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
}
