import type { Domain } from './domains.ts';

/** A domain as operators see it: over HTTP, and in what commands print as JSON. */
export interface DomainView {
  readonly name: string;
  readonly status: Domain['status'];
  readonly verification: Domain['verification'];
  readonly record: Domain['record'];
  readonly verified_by: string | null;
  readonly verified_at: string | null;
  readonly created_at: string;
}

export function presentDomain(domain: Domain): DomainView {
  return {
    name: domain.name,
    status: domain.status,
    verification: domain.verification,
    record: domain.record,
    verified_by: domain.verifiedBy,
    verified_at: domain.verifiedAt?.toISOString() ?? null,
    created_at: domain.createdAt.toISOString(),
  };
}
