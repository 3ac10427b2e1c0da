import type { AuditRecord } from '../../../services/audit/search.ts';
import { adminRoute, operatorsWith } from '../../admin-route.ts';
import { strictObject } from '../../kernel/schema.ts';
import { Type } from '../../kernel/typebox.ts';
import { AuditPage, Cursor, DateTime, DEFAULT_PAGE_LIMIT, PageLimit } from '../../schemas/admin.ts';
import { Uuid } from '../../schemas/fields.ts';
import { readTime } from './read-time.ts';

export const listAudit = adminRoute({
  method: 'get',
  path: '/admin/v1/audit',
  operation: 'listAudit',
  summary: 'Who did what to whom, from where, the newest first',
  tags: ['audit'],
  ...operatorsWith('audit:read'),
  query: strictObject({
    user_id: Type.Optional(Uuid),
    action: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'A whole action (`password.changed`), or all of an area (`password.*`).',
      }),
    ),
    since: Type.Optional(DateTime),
    until: Type.Optional(DateTime),
    cursor: Type.Optional(Cursor),
    limit: Type.Optional(PageLimit),
  }),
  responses: { 200: AuditPage },
  async handler({ query }, { audit }) {
    const { user_id: userId, action, since, until, cursor, limit = DEFAULT_PAGE_LIMIT } = query;
    const filter = {
      userId,
      action,
      since: readTime(since, '/query/since'),
      until: readTime(until, '/query/until'),
    };
    const found = await audit.list(filter, limit + 1, cursor);
    const records = found.slice(0, limit).map(present);
    const hasMore = found.length > limit;
    return {
      status: 200,
      body: { records, next_cursor: hasMore ? (records.at(-1)?.id ?? null) : null },
    };
  },
});

function present(record: AuditRecord) {
  return { ...record, at: record.at.toISOString(), detail: record.detail && { ...record.detail } };
}
