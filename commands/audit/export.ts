import { Flags } from '@oclif/core';
import { auditFlags } from '../../src/cli/audit-flags.ts';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { writeLines } from '../../src/cli/write-lines.ts';
import { counted } from '../../src/lib/counted.ts';
import { createAuditSearch } from '../../src/services/audit/search.ts';

export default class AuditExport extends CoreCommand<typeof AuditExport> {
  static override summary = 'Write the audit trail, the oldest first, one JSON object a line.';
  static override description =
    'It is read page by page, so any length goes. With --out, --json says how many and where; without it the lines are all there is.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> > audit.ndjson',
    '<%= config.bin %> <%= command.id %> --since 2026-03-01 --until 2026-04-01 --out march.ndjson',
  ];
  static override flags = {
    ...auditFlags,
    out: Flags.string({ summary: 'A new file instead of standard output.', helpValue: '<file>' }),
  };

  async run(): Promise<{ records: number; file: string } | undefined> {
    const { user: userId, action, since, until, out } = this.flags;
    return this.withCore(async (core, { scope }) => {
      const found = createAuditSearch(core).all({ userId, action, since, until });
      const records = await writeLines(found, out, scope, 'The audit');
      // The lines on standard output are JSON already: a summary among them would be one record too many.
      if (out === undefined) return;
      this.log(`${counted(records, 'record')} written to ${out}`);
      return { records, file: out };
    });
  }
}
