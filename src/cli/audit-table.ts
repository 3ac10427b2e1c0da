import type { AuditRecord } from '../services/audit/search.ts';
import { formatTable } from './format.ts';

export function formatAudit(records: readonly AuditRecord[]): string {
  return formatTable(
    ['AT', 'ACTION', 'RESULT', 'ACTOR', 'USER', 'IP', 'DETAIL'],
    records.map((record) => [
      record.at,
      record.action,
      record.result,
      record.actor_id === null ? record.actor_kind : `${record.actor_kind} ${record.actor_id}`,
      record.user_id,
      record.ip,
      record.detail === null ? null : JSON.stringify(record.detail),
    ]),
  );
}
