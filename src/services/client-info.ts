/** Where a request came from, as far as the services care. */
export interface ClientInfo {
  /** The client's address, proxies resolved. */
  readonly ip: string;
  /** The address's network for the limits: IPv4 /24, IPv6 /64. */
  readonly network: string;
  readonly userAgent: string | null;
  readonly requestId: string;
}
