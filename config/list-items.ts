/** What the items of a `list` may be: each reads one, in its canonical form; undefined where it is none. */
import ipaddr from 'ipaddr.js';

/** One of a few words. */
export function among<const C extends string>(options: readonly C[]) {
  return (item: string): C | undefined => options.find((option) => option === item);
}

/** An address or a network in CIDR notation, canonical. */
export function cidr(item: string): string | undefined {
  if (ipaddr.isValidCIDR(item)) {
    const [address, bits] = ipaddr.parseCIDR(item);
    return `${address.toString()}/${bits}`;
  }
  if (!item.includes('/') && ipaddr.IPv4.isValidFourPartDecimal(item)) return `${item}/32`;
  return ipaddr.IPv6.isValid(item) ? `${ipaddr.parse(item).toString()}/128` : undefined;
}

/** `host:port`, IPv6 in brackets. */
export function hostPort(item: string): string | undefined {
  const match = /^(?:[\w.-]+|\[[\da-f:.]+\]):(\d{1,5})$/i.exec(item);
  const port = Number(match?.[1]);
  return port >= 1 && port <= 65_535 ? item : undefined;
}

/** Scheme, host and port as a browser sends them in `Origin`. */
export function origin(item: string): string | undefined {
  const url = URL.parse(item);
  return url && url.origin !== 'null' && url.origin === item.toLowerCase() ? url.origin : undefined;
}

/** A domain name of two labels or more, in lower case. */
export function domainName(item: string): string | undefined {
  const name = item.toLowerCase();
  const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
  return name.length <= 253 && new RegExp(`^${label}(?:\\.${label})+$`).test(name)
    ? name
    : undefined;
}

/**
 * What may be tuned of the embedded server: memory, the write-ahead log's size, the planner's costs and
 * vacuum. Not how safe it is, who reaches it, or what it logs.
 */
const TUNABLE = new Set([
  'autovacuum_analyze_scale_factor',
  'autovacuum_max_workers',
  'autovacuum_naptime',
  'autovacuum_vacuum_cost_limit',
  'autovacuum_vacuum_scale_factor',
  'autovacuum_work_mem',
  'checkpoint_completion_target',
  'checkpoint_timeout',
  'effective_cache_size',
  'effective_io_concurrency',
  'huge_pages',
  'io_method',
  'io_workers',
  'maintenance_work_mem',
  'max_connections',
  'max_parallel_workers',
  'max_wal_size',
  'max_worker_processes',
  'min_wal_size',
  'random_page_cost',
  'shared_buffers',
  'wal_buffers',
  'wal_compression',
  'work_mem',
]);

/** `name=value` of a setting of PostgreSQL that may be tuned. */
export function tuning(item: string): string | undefined {
  const [, name, value] = /^(\w+)\s*=\s*([\w.-]+)$/.exec(item) ?? [];
  return name !== undefined && TUNABLE.has(name) ? `${name}=${value}` : undefined;
}
