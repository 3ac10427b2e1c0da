import { once } from 'node:events';
import { connect as connectTcp, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { errorCode } from '../../lib/error-code.ts';

/**
 * Connects to a webhook's receiver, with TLS where its URL says so, and sends nothing: an event that
 * nobody recorded would be a lie, and any other request might be one to its receiver.
 * @param signal the latest moment to answer
 * @returns null where the connection stands, else why not; never the URL, which is a secret
 */
export async function probeWebhook(url: string, signal: AbortSignal): Promise<string | null> {
  const { protocol, hostname, port } = new URL(url);
  const isTls = protocol === 'https:';
  // An IPv6 address stands in brackets (RFC 3986 §3.2.2).
  const host = hostname.replace(/^\[|\]$/g, '');
  const address = { host, port: Number(port) || (isTls ? 443 : 80) };
  // Names only are indicated, never addresses (RFC 6066 §3).
  const servername = isIP(host) === 0 ? host : '';
  const socket = isTls ? connectTls({ ...address, servername }) : connectTcp(address);
  try {
    await once(socket, isTls ? 'secureConnect' : 'connect', { signal });
    return null;
  } catch (error) {
    if (signal.aborted) return 'no answer in time';
    return errorCode(error) ?? 'failed';
  } finally {
    socket.destroy();
  }
}
