import type { Domain } from '../services/domain/domains.ts';
import { formatTable } from './format.ts';

export function formatDomains(domains: readonly Domain[]): string {
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
