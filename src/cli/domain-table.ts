import type { DomainView } from '../services/domain/view.ts';
import { formatTable } from './format.ts';

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
