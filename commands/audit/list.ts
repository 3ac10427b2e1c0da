import { Flags } from '@oclif/core';
import { auditFlags } from '../../src/cli/audit-flags.ts';
import { formatAudit } from '../../src/cli/audit-table.ts';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { type AuditRecord, createAuditSearch } from '../../src/services/audit/search.ts';

export default class AuditList extends CoreCommand<typeof AuditList> {
  static override summary = 'List what was done, by whom and from where, the newest first.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --user 019ab3c4-… --since 30d',
    '<%= config.bin %> <%= command.id %> --action "two_factor.*" --json',
  ];
  static override flags = {
    ...auditFlags,
    limit: Flags.integer({ summary: 'At most this many.', default: 50, min: 1, max: 1_000 }),
  };

  async run(): Promise<{ records: AuditRecord[] }> {
    const { user: userId, action, since, until, limit } = this.flags;
    return this.withCore(async (core) => {
      const filter = { userId, action, since, until };
      const records = await createAuditSearch(core).list(filter, limit);
      this.log(records.length > 0 ? formatAudit(records) : 'No records.');
      return { records };
    });
  }
}
