import type { Clock } from '../lib/clock.ts';
import type { ClientAddress } from './client.ts';

export interface GuardianOptions {
  /** Requests a second that one client network may make for long. */
  readonly ratePerSecond: number;
  /** Requests it may make at once after a quiet time. */
  readonly burst: number;
  /** The same for routes that hash a password; they count in both buckets. */
  readonly hashingRatePerSecond: number;
  readonly hashingBurst: number;
  /** Networks remembered at most; an entry is about 100 bytes. */
  readonly maxNetworks?: number;
  readonly clock: Clock;
}

/** What the Guardian says about one request, with the numbers for the `RateLimit` headers. */
export interface Verdict {
  readonly admitted: boolean;
  /** The bucket these numbers are of, as a `RateLimit-Policy` item. */
  readonly policy: string;
  readonly policyName: string;
  /** Requests that would be admitted now. */
  readonly remaining: number;
  /** Seconds until the bucket is full again; when refused, until one request is admitted. */
  readonly resetSeconds: number;
}

export interface Guardian {
  /** Takes one token of the client's network, or says when to come back. A refusal takes nothing. */
  admit(client: ClientAddress, hashing: boolean): Verdict;
  /** Networks remembered now. */
  size(): number;
  /** Forgets the networks whose buckets are full; runs by itself every 60 s. */
  sweep(): void;
  /** Ends the sweeper. */
  close(): void;
}

/**
 * A bucket is one number: the monotonic time at which it is full again (the generic cell rate
 * algorithm, which equals a token bucket). A time in the past is a full bucket.
 */
interface Network {
  generalFullAtMs: number;
  hashingFullAtMs: number;
}

interface Limit {
  readonly name: string;
  readonly policy: string;
  readonly burst: number;
  /** Time in which one token comes back. */
  readonly tokenMs: number;
}

const SWEEP_EVERY_MS = 60_000;
/** A table that is full of busy networks is not searched for quiet ones more often than this. */
const SWEEP_AT_MOST_EVERY_MS = 1_000;
/** What sums of fractions may be off by; a thousandth of a millisecond is no debt. */
const ROUNDING_MS = 0.001;
/** A /48 may use as much as this many of its /64 networks. */
const CEILING_FACTOR = 4;

/**
 * Token buckets per client network, in this process's memory.
 *
 * Memory is bounded without ever forgetting a debt: only full buckets, which carry no information,
 * are dropped. At the default rates one request keeps a bucket below full for at most 200 ms, so
 * busy entries stay in the low thousands at any load one process can take; should the table still
 * fill up, networks it has no room for share one bucket. Evicting busy entries instead would let a
 * client with many addresses buy itself fresh bursts.
 */
export function createGuardian(options: GuardianOptions): Guardian {
  const { clock, maxNetworks = 65_536 } = options;
  const general = createLimit('ip', options.ratePerSecond, options.burst);
  const hashing = createLimit('ip-hashing', options.hashingRatePerSecond, options.hashingBurst);
  const generalCeiling = raise(general);
  const hashingCeiling = raise(hashing);
  const networks = new Map<string, Network>();
  const shared: Network = { generalFullAtMs: 0, hashingFullAtMs: 0 };
  let sweptAtMs = Number.NEGATIVE_INFINITY;

  function sweep(): void {
    sweptAtMs = clock.monotonicMs();
    for (const [key, network] of networks) {
      if (network.generalFullAtMs <= sweptAtMs && network.hashingFullAtMs <= sweptAtMs)
        networks.delete(key);
    }
  }

  function networkOf(key: string, nowMs: number): Network {
    const known = networks.get(key);
    if (known) return known;
    if (networks.size >= maxNetworks && nowMs - sweptAtMs >= SWEEP_AT_MOST_EVERY_MS) sweep();
    if (networks.size >= maxNetworks) return shared;
    const fresh = { generalFullAtMs: 0, hashingFullAtMs: 0 };
    networks.set(key, fresh);
    return fresh;
  }

  const sweeper = setInterval(sweep, SWEEP_EVERY_MS);
  sweeper.unref();

  return {
    admit(client, isHashing) {
      const nowMs = clock.monotonicMs();
      const own = networkOf(client.limitKey, nowMs);
      const site = client.ceilingKey === null ? null : networkOf(client.ceilingKey, nowMs);

      const waitMs = Math.max(
        waitFor(general, own.generalFullAtMs, nowMs),
        isHashing ? waitFor(hashing, own.hashingFullAtMs, nowMs) : 0,
        site ? waitFor(generalCeiling, site.generalFullAtMs, nowMs) : 0,
        site && isHashing ? waitFor(hashingCeiling, site.hashingFullAtMs, nowMs) : 0,
      );
      const limit = isHashing ? hashing : general;
      if (waitMs > ROUNDING_MS) return verdict(limit, false, 0, waitMs);

      take(own, general, isHashing ? hashing : null, nowMs);
      if (site) take(site, generalCeiling, isHashing ? hashingCeiling : null, nowMs);
      const debtMs = (isHashing ? own.hashingFullAtMs : own.generalFullAtMs) - nowMs;
      const used = Math.ceil((debtMs - ROUNDING_MS) / limit.tokenMs);
      return verdict(limit, true, limit.burst - used, debtMs);
    },
    size: () => networks.size,
    sweep,
    close: () => clearInterval(sweeper),
  };
}

function createLimit(name: string, ratePerSecond: number, burst: number): Limit {
  const windowSeconds = Math.max(1, Math.ceil(burst / ratePerSecond));
  const policy = `"${name}";q=${burst};w=${windowSeconds}`;
  return { name, policy, burst, tokenMs: 1_000 / ratePerSecond };
}

function raise(limit: Limit): Limit {
  return {
    ...limit,
    burst: limit.burst * CEILING_FACTOR,
    tokenMs: limit.tokenMs / CEILING_FACTOR,
  };
}

/** Milliseconds until the bucket holds a whole token; 0 or less where it does now. */
function waitFor(limit: Limit, fullAtMs: number, nowMs: number): number {
  return fullAtMs - nowMs - (limit.burst - 1) * limit.tokenMs;
}

function take(network: Network, general: Limit, hashing: Limit | null, nowMs: number): void {
  network.generalFullAtMs = Math.max(network.generalFullAtMs, nowMs) + general.tokenMs;
  if (hashing) network.hashingFullAtMs = Math.max(network.hashingFullAtMs, nowMs) + hashing.tokenMs;
}

function verdict(limit: Limit, admitted: boolean, remaining: number, ms: number): Verdict {
  return {
    admitted,
    policy: limit.policy,
    policyName: limit.name,
    remaining,
    resetSeconds: Math.max(1, Math.ceil(ms / 1_000)),
  };
}
