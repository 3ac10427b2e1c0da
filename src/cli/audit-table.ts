import type { AuditRecord } from '../services/audit/search.ts';
import { formatTable } from './format.ts';

/** An audit record as `--json` and the export write it. */
export type AuditView = Omit<AuditRecord, 'at'> & { readonly at: string };

export function presentAudit(record: AuditRecord): AuditView {
  return { ...record, at: record.at.toISOString() };
}

export function formatAudit(records: readonly AuditView[]): string {
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
