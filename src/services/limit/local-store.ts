import {
  CLOCK_SLACK_MS,
  type Counter,
  type CounterStore,
  type Hit,
  MOST_STRIKES,
} from './counter-store.ts';
import type { Rule } from './rules.ts';

interface Entry {
  hits: number;
  /** How often the counter was full, lately. */
  strikes: number;
  windowEndsAt: number;
  /** 0 where it is not blocked. */
  blockedUntil: number;
  /** When strikes are forgotten too. */
  expiresAt: number;
}

/** 10,000 entries of one rule are about 2 MB. */
const DEFAULT_CAPACITY = 10_000;

/**
 * Counters in this process's memory: what stands in while the shared store is away.
 *
 * Bounded for each rule apart: whoever fills the memory with counters that cost nothing (flow
 * tokens) pushes out others of their kind, never a count of password guesses.
 */
export function createLocalStore(capacity = DEFAULT_CAPACITY): CounterStore & { size(): number } {
  const entriesByRule = new Map<string, Map<string, Entry>>();

  function entriesOf(rule: Rule): Map<string, Entry> {
    const known = entriesByRule.get(rule.name);
    if (known) return known;
    const entries = new Map<string, Entry>();
    entriesByRule.set(rule.name, entries);
    return entries;
  }

  function take({ rule, key }: Counter, now: number): Hit {
    const entries = entriesOf(rule);
    const known = entries.get(key);
    const entry = known ?? { hits: 0, strikes: 0, windowEndsAt: 0, blockedUntil: 0, expiresAt: 0 };
    if (!known) insert(entries, key, entry);
    count(entry, rule, now);
    const { windowEndsAt } = entry;
    return {
      async giveBack() {
        const current = entries.get(key);
        if (current?.windowEndsAt === windowEndsAt) uncount(current);
      },
    };
  }

  function insert(entries: Map<string, Entry>, key: string, entry: Entry): void {
    const oldest = entries.size >= capacity ? entries.keys().next() : undefined;
    if (oldest && !oldest.done) entries.delete(oldest.value);
    entries.set(key, entry);
  }

  return {
    async reserve(counters, now) {
      const nowMs = now.getTime();
      for (const counter of counters) {
        const entry = entriesOf(counter.rule).get(counter.key);
        if (entry && entry.hits >= counter.rule.limit && !isOver(entry, counter.rule, nowMs))
          return { full: counter, until: new Date(openAt(entry)) };
      }
      return { full: null, hits: counters.map((counter) => take(counter, nowMs)) };
    },
    async clear({ rule, key }) {
      entriesOf(rule).delete(key);
    },
    size: () => [...entriesByRule.values()].reduce((sum, entries) => sum + entries.size, 0),
  };
}

function openAt(entry: Entry): number {
  return Math.max(entry.windowEndsAt, entry.blockedUntil);
}

function isOver(entry: Entry, { windowMs, longestBlockMs }: Rule, now: number): boolean {
  const opensAt = openAt(entry);
  return opensAt <= now || opensAt > now + Math.max(windowMs, longestBlockMs) + CLOCK_SLACK_MS;
}

function count(entry: Entry, rule: Rule, now: number): void {
  if (isOver(entry, rule, now)) {
    entry.hits = 1;
    entry.strikes = entry.expiresAt > now ? entry.strikes : 0;
    entry.windowEndsAt = now + rule.windowMs;
    entry.blockedUntil = 0;
    entry.expiresAt = entry.windowEndsAt + rule.longestBlockMs;
    return;
  }
  entry.hits += 1;
  if (entry.hits < rule.limit) return;
  entry.blockedUntil = now + Math.min(rule.windowMs * 2 ** entry.strikes, rule.longestBlockMs);
  entry.strikes = Math.min(entry.strikes + 1, MOST_STRIKES);
  entry.expiresAt = openAt(entry) + rule.longestBlockMs;
}

function uncount(entry: Entry): void {
  if (entry.hits === 0) return;
  entry.hits -= 1;
  if (entry.blockedUntil === 0) return;
  entry.blockedUntil = 0;
  entry.strikes -= 1;
}
