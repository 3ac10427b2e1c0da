import { type Db, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import { createSnapshot } from '../snapshot.ts';
import type { VerificationPolicy } from './domains.ts';

export interface DomainDirectory {
  /** The policy of a verified domain; null when its addresses may not register. */
  findPolicy(domain: string): Promise<VerificationPolicy | null>;
  /** How many domains are verified, and which of the configured ones are not. */
  summary(): Promise<{ verified: number; pending: string[] }>;
  invalidate(): void;
}

interface Entry {
  status: string;
  verification: VerificationPolicy;
}

const REVISION = statement('domains.revision', 'SELECT revision FROM instance WHERE id = 1');
const LOAD = statement('domains.load', 'SELECT name, status, verification FROM domains');

/** Half the bound within which a change of domains must have taken effect on every node. */
const MAX_AGE_MS = 500;

/** The domains as the request path asks for them: in memory, at most half a second old. */
export function createDomainDirectory({ db, clock }: { db: Db; clock: Clock }): DomainDirectory {
  const snapshot = createSnapshot<Map<string, Entry>>({
    clock,
    maxAgeMs: MAX_AGE_MS,
    async revision() {
      return (await db.query<{ revision: number }>(REVISION))[0]?.revision ?? 0;
    },
    async load() {
      const rows = await db.query<Entry & { name: string }>(LOAD);
      return new Map(rows.map(({ name, ...entry }) => [name, entry]));
    },
  });
  return {
    async findPolicy(domain) {
      const entry = (await snapshot.get()).get(domain);
      return entry?.status === 'verified' ? entry.verification : null;
    },
    async summary() {
      const entries = [...(await snapshot.get())];
      const pending = entries.filter(([, entry]) => entry.status !== 'verified');
      return { verified: entries.length - pending.length, pending: pending.map(([name]) => name) };
    },
    invalidate: snapshot.invalidate,
  };
}
