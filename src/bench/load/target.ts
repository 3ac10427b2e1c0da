import { BlockList, isIP } from 'node:net';
import { AppError } from '../../errors.ts';
import type { LoadPlan } from './plan.ts';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

export interface Target {
  readonly host: string;
  readonly port: number;
  /** The value of the `Host` header. */
  readonly authority: string;
}

/**
 * Reads where a load goes, and refuses any place but this machine: a load generator pointed at
 * somebody else is an attack. A name other than `localhost` is refused too, since what it resolves
 * to may change after the check.
 * @throws AppError `usage`
 */
export function parseTarget(url: string): Target {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'http:') {
    throw new AppError('usage', {
      text: `A benchmark needs an http:// URL, not "${url}".`,
      hint: 'for example --url http://127.0.0.1:8080',
    });
  }
  const name = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  const host = name === 'localhost' ? '127.0.0.1' : name;
  const family = isIP(host);
  if (family === 0 || !LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4')) {
    throw new AppError('usage', {
      text: `A benchmark only loads this machine, and "${parsed.hostname}" is not a loopback address.`,
      hint: 'run it on the server itself, against http://127.0.0.1:<port>',
    });
  }
  return { host, port: Number(parsed.port || 80), authority: parsed.host };
}

const MAX_CONNECTIONS = 10_000;
const MAX_DURATION_MS = 3_600_000;

/**
 * Refuses a plan that would not stop by itself or that this machine cannot hold.
 * @throws AppError `usage`, naming the number at fault
 */
export function checkPlan(plan: LoadPlan): void {
  bounded('connections', plan.connections, 1, MAX_CONNECTIONS);
  bounded('durationMs', plan.durationMs, 1, MAX_DURATION_MS);
  bounded('warmupMs', plan.warmupMs ?? 0, 0, plan.durationMs);
  bounded('maxRequests', plan.maxRequests ?? 1, 1, Number.MAX_SAFE_INTEGER);
  bounded('ratePerSecond', plan.ratePerSecond ?? 1, 0.001, 1_000_000);
  bounded('timeoutMs', plan.timeoutMs ?? 1, 1, MAX_DURATION_MS);
  bounded('mostRestMs', plan.mostRestMs ?? 0, 0, 60_000);
}

function bounded(name: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw new AppError('usage', { text: `${name} must be from ${min} to ${max}, not ${value}.` });
}
