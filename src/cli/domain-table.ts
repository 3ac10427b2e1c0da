import type { Domain } from '../services/domain/domains.ts';
import { formatTable } from './format.ts';

/** A domain as `--json` prints it. */
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

export function formatDomains(domains: readonly DomainView[]): string {
  return formatTable(
    ['DOMAIN', 'STATUS', 'VERIFICATION', 'VERIFIED BY'],
    domains.map((domain) => [
      domain.name,
      domain.status,
      domain.verification,
      domain.verified_by ?? `TXT ${domain.record.name} = ${domain.record.value}`,
    ]),
  );
}
