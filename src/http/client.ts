import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Where a request comes from, as far as we believe it. */
export interface ClientAddress {
  /** The client's own address; IPv4-mapped IPv6 is unwrapped, zone ids are dropped. */
  readonly ip: string;
  /** The neighbourhood that login limits count by: IPv4 /24, IPv6 /64. */
  readonly network: string;
  /** What the Guardian counts by: an IPv4 address, or an IPv6 /64 (one subscriber's line). */
  readonly limitKey: string;
  /** The IPv6 /48 that a single site may hold 65,536 of those /64 in; null for IPv4. */
  readonly ceilingKey: string | null;
}

/** @returns the client's address, from the peer of the socket and the `X-Forwarded-For` header */
export type ClientResolver = (
  peer: string | undefined,
  forwardedFor: string | string[] | undefined,
) => ClientAddress;

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Cidr = [Address, number];

/** An address nobody has: what a socket that is already closed counts as. */
const NOWHERE: ClientAddress = {
  ip: '0.0.0.0',
  network: '0.0.0.0/24',
  limitKey: '0.0.0.0',
  ceilingKey: null,
};

/**
 * Builds the function that decides who a request comes from.
 *
 * `X-Forwarded-For` is walked from the right, the end our own proxies wrote, and only through
 * addresses inside `trustedProxies`: the first one outside is the client. What stands left of it is
 * whatever the client chose to send and is not looked at. An entry that is no address ends the walk
 * at the last trusted hop, so junk makes a client share that proxy's limits and never escape them.
 *
 * @param trustedProxies CIDRs or single addresses
 * @throws TypeError where an entry is neither; configuration is checked before it comes here
 */
export function createClientResolver(trustedProxies: readonly string[]): ClientResolver {
  const trusted = trustedProxies.map(parseCidr);

  function resolve(peer: string, forwardedFor: string): ClientAddress {
    if (trusted.length === 0) return describe(peer);
    const nearest = parseAddress(peer);
    return nearest ? describe(walk(nearest, forwardedFor, trusted).toString()) : NOWHERE;
  }

  const resolveOnce = remember(resolve);
  return (peer, forwardedFor) => {
    if (!peer) return NOWHERE;
    if (trusted.length === 0) return resolveOnce(peer, '');
    return resolveOnce(
      peer,
      Array.isArray(forwardedFor) ? forwardedFor.join() : (forwardedFor ?? ''),
    );
  };
}

/**
 * Builds the function that says whether the peer of a socket is one of our own proxies.
 * @throws TypeError like `createClientResolver`
 */
export function createPeerCheck(
  trustedProxies: readonly string[],
): (peer: string | undefined) => boolean {
  const trusted = trustedProxies.map(parseCidr);
  return (peer) => {
    const address = peer ? parseAddress(peer) : null;
    return address !== null && isTrusted(address, trusted);
  };
}

/** Clients remembered, and the longest header that is: connections are kept, so most requests repeat. */
const REMEMBERED_CLIENTS = 10_000;
const REMEMBERED_HEADER = 100;

/** Parsing an IPv6 address takes 10 microseconds, finding it again a tenth of one. */
function remember(
  resolve: (peer: string, forwardedFor: string) => ClientAddress,
): (peer: string, forwardedFor: string) => ClientAddress {
  const known = new Map<string, ClientAddress>();
  return (peer, forwardedFor) => {
    if (forwardedFor.length > REMEMBERED_HEADER) return resolve(peer, forwardedFor);
    const key = `${peer} ${forwardedFor}`;
    const before = known.get(key);
    if (before) return before;
    // Starting over is cheaper than tracking ages, and as fast for clients that are still there.
    if (known.size >= REMEMBERED_CLIENTS) known.clear();
    const address = resolve(peer, forwardedFor);
    known.set(key, address);
    return address;
  };
}

function walk(nearest: Address, forwardedFor: string, trusted: readonly Cidr[]): Address {
  let hop = nearest;
  let end = forwardedFor.length;
  while (end > 0 && isTrusted(hop, trusted)) {
    const start = forwardedFor.lastIndexOf(',', end - 1) + 1;
    const next = parseAddress(withoutPort(forwardedFor.slice(start, end).trim()));
    if (!next) return hop;
    hop = next;
    end = start - 1;
  }
  return hop;
}

const HOST_AND_PORT = /^(?:([\d.]+):\d{1,5}|\[([^\]]*)\](?::\d{1,5})?)$/;

function isTrusted(address: Address, trusted: readonly Cidr[]): boolean {
  // Two addresses of different families never match; ipaddr.js throws instead of saying so.
  return trusted.some((cidr) => cidr[0].kind() === address.kind() && address.match(cidr));
}

/** Some proxies write the client's port, too (Azure Application Gateway): `192.0.2.1:50123`, `[2001:db8::1]:50123`. */
function withoutPort(entry: string): string {
  return HOST_AND_PORT.exec(entry)?.slice(1).find(Boolean) ?? entry;
}

/** @returns null where the text is not exactly one address: no ports, no octal, no shorthand */
function parseAddress(text: string): Address | null {
  // The longest spelling of an address is 45 characters, plus a zone id.
  if (text.length > 64 || isIP(text) === 0) return null;
  return ipaddr.process(text);
}

function parseCidr(text: string): Cidr {
  if (isIP(text) === 4) return [ipaddr.parse(text), 32];
  if (isIP(text) === 6) return [ipaddr.parse(text), 128];
  if (!ipaddr.isValidCIDR(text)) throw new TypeError(`not an address or CIDR: ${text}`);
  return ipaddr.parseCIDR(text);
}

function describe(text: string): ClientAddress {
  const unwrapped = text.startsWith('::ffff:') && text.includes('.') ? text.slice(7) : text;
  return unwrapped.includes(':') ? describeIPv6(unwrapped) : describeIPv4(unwrapped);
}

function describeIPv4(ip: string): ClientAddress {
  const network = `${ip.slice(0, ip.lastIndexOf('.'))}.0/24`;
  return { ip, network, limitKey: ip, ceilingKey: null };
}

function describeIPv6(text: string): ClientAddress {
  const address = ipaddr.process(text);
  if (address instanceof ipaddr.IPv4) return describeIPv4(address.toString());
  const hextets = address.parts.map((part) => part.toString(16));
  const network = `${hextets.slice(0, 4).join(':')}::/64`;
  const ceilingKey = `${hextets.slice(0, 3).join(':')}::/48`;
  const ip = new ipaddr.IPv6(address.parts).toString();
  return { ip, network, limitKey: network, ceilingKey };
}
