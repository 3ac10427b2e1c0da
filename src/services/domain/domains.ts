import { canonicaliseDomain } from '../../crypto/canonical.ts';
import { randomBytes } from '../../crypto/random.ts';
import { type Db, type Statement, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Actor } from '../audit/actor.ts';
import { recordAudit } from '../audit/record.ts';
import { keyStore } from '../key/store.ts';
import { findChallenge } from './challenge.ts';

/** What proves a new address of this domain: nothing, or a code mailed to it. */
export type VerificationPolicy = 'none' | 'email_code';

/** A domain as operators see it: over HTTP, and in what commands print as JSON. */
export interface Domain {
  readonly name: string;
  readonly status: 'pending' | 'verified';
  readonly verification: VerificationPolicy;
  /** The TXT record that proves ownership. */
  readonly record: { readonly name: string; readonly value: string };
  /** `dns`, or who vouched for it. */
  readonly verified_by: string | null;
  readonly verified_at: string | null;
  readonly created_at: string;
}

export interface DomainSeed {
  readonly name: string;
  readonly trust?: boolean | undefined;
  readonly verification?: VerificationPolicy | undefined;
}

interface DomainRow {
  name: string;
  status: Domain['status'];
  verification: VerificationPolicy;
  challenge: string;
  verified_by: string | null;
  verified_at: Date | null;
  created_at: Date;
}

const SELECT_ALL = statement('domains.all', 'SELECT * FROM domains ORDER BY name');
const SELECT_ONE = statement('domains.one', 'SELECT * FROM domains WHERE name = $1');
const INSERT = statement(
  'domains.insert',
  `INSERT INTO domains (name, status, verification, challenge, verified_by, verified_at, created_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO NOTHING RETURNING *`,
);
const MARK_VERIFIED = statement(
  'domains.mark_verified',
  `UPDATE domains SET status = 'verified', verified_by = $2, verified_at = $3
   WHERE name = $1 AND status = 'pending' RETURNING *`,
);
const SET_VERIFICATION = statement(
  'domains.set_verification',
  'UPDATE domains SET verification = $2 WHERE name = $1 RETURNING *',
);
const DELETE = statement('domains.delete', 'DELETE FROM domains WHERE name = $1 RETURNING *');

export type Domains = ReturnType<typeof createDomains>;

/** E-mail domains: who may register. Every change reaches running nodes within a second. */
export function createDomains({ db, clock }: { db: Db; clock: Clock }) {
  async function find(name: string, hint?: string): Promise<DomainRow> {
    const canonical = canonicaliseDomain(name);
    const row = canonical && (await db.query<DomainRow>(SELECT_ONE, [canonical]))[0];
    if (row) return row;
    throw new AppError('not_found', {
      text: 'This domain is not known.',
      hint: hint ?? (canonical ? `authctl domains add ${canonical}` : 'authctl domains list'),
    });
  }

  /**
   * Changes one domain, with the audit record and the signal to running nodes, all or nothing.
   * @returns null where `what` found none to change
   */
  function change(
    actor: Actor,
    action: string,
    what: Statement,
    values: readonly unknown[],
    detail: Record<string, unknown> = {},
  ): Promise<DomainRow | null> {
    return db.transaction(async (tx) => {
      const [row] = await tx.query<DomainRow>(what, values);
      if (!row) return null;
      await keyStore.bumpRevision(tx);
      await recordAudit(tx, {
        at: clock.now(),
        action,
        actor,
        detail: { domain: row.name, ...detail },
      });
      return row;
    });
  }

  async function markVerified(actor: Actor, name: string, by: string): Promise<void> {
    await change(actor, 'domain.verified', MARK_VERIFIED, [name, by, clock.now()], { by });
  }

  /** Inserts a domain; null when it is there already. */
  function insert(actor: Actor, seed: DomainSeed): Promise<DomainRow | null> {
    const now = clock.now();
    const verification = seed.verification ?? 'email_code';
    const values = [
      seed.name,
      seed.trust ? 'verified' : 'pending',
      verification,
      randomBytes(20).toString('base64url'),
      seed.trust ? trustedBy(actor) : null,
      seed.trust ? now : null,
      now,
    ];
    const detail = { verification, trusted: seed.trust === true };
    return change(actor, 'domain.added', INSERT, values, detail);
  }

  async function setVerification(
    actor: Actor,
    name: string,
    verification: VerificationPolicy,
  ): Promise<DomainRow> {
    const values = [name, verification];
    const row = await change(actor, 'domain.updated', SET_VERIFICATION, values, { verification });
    if (!row) throw new AppError('not_found');
    return row;
  }

  async function update(actor: Actor, { name, trust, verification }: DomainSeed): Promise<void> {
    const row = await find(name);
    if (trust && row.status === 'pending') await markVerified(actor, name, trustedBy(actor));
    if (verification && verification !== row.verification)
      await setVerification(actor, name, verification);
  }

  return {
    async list(): Promise<Domain[]> {
      return (await db.query<DomainRow>(SELECT_ALL)).map(present);
    },

    /**
     * Adds a domain, pending until its TXT record is seen, or verified at once when the operator
     * vouches for it (audited).
     * @throws AppError `conflict` when it is there; `validation_failed` when it is not a domain name
     */
    async add(actor: Actor, seed: DomainSeed): Promise<Domain> {
      const name = parseDomain(seed.name);
      const added = await insert(actor, { ...seed, name });
      if (added) return present(added);
      throw alreadyThere(await find(name));
    },

    /**
     * Adds or updates domains from a list. Running it twice, also at once, changes nothing more.
     * @throws AppError `validation_failed`, before anything is changed
     */
    async seed(actor: Actor, seeds: readonly DomainSeed[]): Promise<Domain[]> {
      checkNames(seeds);
      const parsed = seeds.map((seed) => ({ ...seed, name: parseDomain(seed.name) }));
      for (const seed of parsed) {
        const row = (await db.query<DomainRow>(SELECT_ONE, [seed.name]))[0];
        if (!row && (await insert(actor, seed))) continue;
        await update(actor, seed);
      }
      const names = new Set(parsed.map((seed) => seed.name));
      return (await this.list()).filter((domain) => names.has(domain.name));
    },

    /**
     * Looks for the domain's TXT record and marks the domain verified when it is there.
     * @param resolver `host:port` to ask instead of the system's resolvers
     * @throws AppError `not_found`, `conflict` when the record is absent or another,
     *   `dependency_unreachable` when DNS does not answer within 2 s
     */
    async verify(actor: Actor, domain: string, resolver?: string): Promise<Domain> {
      const row = await find(domain);
      if (row.status === 'verified') return present(row);
      const expected = present(row).record;
      if (!(await findChallenge(expected, resolver)))
        throw new AppError('conflict', {
          text: `The TXT record ${expected.name} does not hold the expected value.`,
          hint: `publish it: ${expected.name}. IN TXT "${expected.value}"`,
        });
      await markVerified(actor, row.name, 'dns');
      return present(await find(row.name));
    },

    /** Vouches for a pending domain instead of a DNS proof (audited). */
    async trust(actor: Actor, domain: string): Promise<Domain> {
      const row = await find(domain);
      if (row.status === 'pending') await markVerified(actor, row.name, trustedBy(actor));
      return present(await find(row.name));
    },

    async set(actor: Actor, domain: string, verification: VerificationPolicy): Promise<Domain> {
      const row = await find(domain);
      return present(await setVerification(actor, row.name, verification));
    },

    /** Removes a domain: no new registrations; accounts that exist stay. */
    async remove(actor: Actor, domain: string): Promise<Domain> {
      const row = await find(domain, 'authctl domains list');
      await change(actor, 'domain.removed', DELETE, [row.name]);
      return present(row);
    },
  };
}

const FORMAT = 'Write it like example.com; internationalised names in their xn-- form.';

function parseDomain(text: string): string {
  const name = canonicaliseDomain(text);
  if (name) return name;
  const fields = [{ pointer: '/name', code: 'bad_format', detail: FORMAT }];
  throw new AppError('validation_failed', { fields, hint: 'authctl domains add example.com' });
}

/** In a list an operator has to find them: all that are wrong, by what is written there. */
function checkNames(seeds: readonly DomainSeed[]): void {
  const wrong = seeds.filter(({ name }) => canonicaliseDomain(name) === null);
  if (wrong.length === 0) return;
  const names = wrong.map(({ name }) => JSON.stringify(name)).join(', ');
  throw new AppError('validation_failed', { text: `Not a domain name: ${names}.`, hint: FORMAT });
}

/** What somebody who adds a domain again may want: to see it through, or to change it. */
function alreadyThere({ name, status }: DomainRow): AppError {
  return new AppError('conflict', {
    text: `This domain is already there, ${status}.`,
    hint:
      status === 'pending'
        ? `authctl domains verify ${name}, or with --trust to vouch for it`
        : `change it with: authctl domains set ${name} --verification …`,
  });
}

function trustedBy(actor: Actor): string {
  return actor.id === undefined ? actor.kind : `${actor.kind}:${actor.id}`;
}

function present(row: DomainRow): Domain {
  return {
    name: row.name,
    status: row.status,
    verification: row.verification,
    record: {
      name: `_authctl-challenge.${row.name}`,
      value: `authctl-domain-verification=${row.challenge}`,
    },
    verified_by: row.verified_by,
    verified_at: row.verified_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
  };
}
