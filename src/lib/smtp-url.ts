import { isIP } from 'node:net';
import { AppError } from '../errors.ts';

/** A mail server and how to talk to it. */
export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (RFC 8314), or STARTTLS: needed, taken when offered, never used. */
  readonly tls: 'implicit' | 'required' | 'opportunistic' | 'off';
  readonly credentials: { readonly user: string; readonly password: string } | null;
}

const CHOICES = ['required', 'opportunistic', 'off'] as const;

/**
 * Reads the `smtp.url` setting: `smtps://` is TLS from the first byte; `smtp://` uses STARTTLS as
 * `?tls=required|opportunistic|off` says. Without that word it is required where a password would
 * cross a network, because whoever can touch the connection can remove the offer of STARTTLS.
 * @throws AppError `config_invalid`
 */
export function parseSmtpUrl(url: string): SmtpServer {
  const fault = findSmtpFault(url);
  if (fault !== undefined) throw invalid(fault);
  const { protocol, hostname, port, username, password, searchParams } = new URL(url);
  const isImplicit = protocol === 'smtps:';
  const tls = CHOICES.find((choice) => choice === searchParams.get('tls'));
  // The brackets of an IPv6 address belong to the URL, not to the address.
  const host = decodeURIComponent(hostname).replace(/^\[(.*)\]$/, '$1');
  const byDefault = username && !isLoopback(host) ? 'required' : 'opportunistic';
  return {
    host,
    port: port ? Number(port) : isImplicit ? 465 : 587,
    tls: isImplicit ? 'implicit' : (tls ?? byDefault),
    credentials: username
      ? { user: decodeURIComponent(username), password: decodeURIComponent(password) }
      : null,
  };
}

/**
 * What is wrong with an `smtp.url` of the right scheme, without showing it; undefined where nothing is.
 * A start asks before anything runs: a worker that finds out later ends, and so does the next one.
 */
export function findSmtpFault(url: string): string | undefined {
  const { protocol, hostname, searchParams } = new URL(url);
  if (hostname === '') return 'it names no server';
  for (const name of searchParams.keys()) if (name !== 'tls') return `it has “${name}”`;
  const wanted = searchParams.get('tls');
  if (wanted === null) return undefined;
  const tls = CHOICES.find((choice) => choice === wanted);
  if (!tls) return 'its tls is none of required, opportunistic and off';
  return protocol === 'smtps:' && tls !== 'required' ? 'smtps is always encrypted' : undefined;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** The URL itself is a secret and stays out of the text. */
function invalid(what: string): AppError {
  return new AppError('config_invalid', {
    text: `smtp.url: ${what}.`,
    hint: 'set AUTHCTL_SMTP_URL like smtps://user:password@mail.example.com:465 or smtp://mail.example.com:587?tls=required',
  });
}
