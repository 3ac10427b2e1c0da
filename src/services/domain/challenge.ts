import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { AppError } from '../../errors.ts';
import { errorCode } from '../../lib/error-code.ts';

const TIMEOUT_MS = 2_000;
/** Answers that say "there is no such record", as against "nobody answered". */
const ABSENT = new Set(['ENOTFOUND', 'ENODATA']);

/**
 * Whether a TXT record holds exactly the expected value (a record's strings are joined, RFC 7208
 * §3.3); other TXT records beside it do not matter.
 * @param resolver `host:port` to ask; the system's resolvers by default
 * @throws AppError `dependency_unreachable` when DNS does not answer within 2 s; `usage` for a
 *   resolver that is none
 */
export async function findChallenge(
  record: { readonly name: string; readonly value: string },
  resolver?: string,
): Promise<boolean> {
  const dns = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
  if (resolver !== undefined) dns.setServers([await serverAddress(resolver)]);
  // The resolver's own time-out is per server; this one bounds them all.
  const deadline = setTimeout(() => dns.cancel(), TIMEOUT_MS);
  try {
    const records = await dns.resolveTxt(record.name);
    return records.some((strings) => strings.join('') === record.value);
  } catch (error) {
    if (ABSENT.has(errorCode(error) ?? '')) return false;
    throw new AppError('dependency_unreachable', {
      text: `DNS did not answer for ${record.name}.`,
      hint: 'try again, or name a resolver: --resolver 1.2.3.4:53',
      cause: error,
    });
  } finally {
    clearTimeout(deadline);
  }
}

const HOST_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/;

/** `host:port` as the resolver takes it, which knows addresses only. */
async function serverAddress(resolver: string): Promise<string> {
  const [, bracketed, plain, port = '53'] = HOST_PORT.exec(resolver) ?? [];
  const host = isIP(resolver) ? resolver : (bracketed ?? plain);
  if (!host || Number(port) === 0 || Number(port) > 65_535)
    throw new AppError('usage', {
      text: `${JSON.stringify(resolver)} is not a DNS server.`,
      hint: 'write it like --resolver 192.0.2.53:53',
    });
  const address = isIP(host) ? host : await addressOf(host);
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

async function addressOf(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw new AppError('dependency_unreachable', {
      text: `The name of the DNS server ${host} cannot be resolved.`,
      hint: 'name it by its address: --resolver 192.0.2.53:53',
      cause: error,
    });
  }
}
