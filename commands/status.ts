import type { Finding } from '../src/app/doctor/check.ts';
import { checkEvents, checkMails, checkTexts } from '../src/app/doctor/queues.ts';
import { CoreCommand } from '../src/cli/core-command.ts';
import { printWarning } from '../src/cli/failure.ts';
import { formatElapsed, formatTable } from '../src/cli/format.ts';
import { readServerFacts } from '../src/db/check-server.ts';
import type { MessageCounts, StatusReport } from '../src/services/status/status.ts';

export type StatusResult = StatusReport & {
  schema: { state: string; pending: string[] };
  database: { kind: 'embedded' | 'external'; version: string };
  /** What somebody should look at. */
  warnings: string[];
};

export default class Status extends CoreCommand<typeof Status> {
  static override summary = 'Show how the installation is doing: backlog, mail, events, processes.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
  ];

  async run(): Promise<StatusResult> {
    return this.withCore(async (core) => {
      const [report, schema, server, ...findings] = await Promise.all([
        core.status(),
        core.store.migrator.status(),
        readServerFacts(core.db),
        checkEvents(core),
        checkMails(core),
        checkTexts(core),
      ]);
      const kind = core.store.isEmbedded ? ('embedded' as const) : ('external' as const);
      const result = {
        ...report,
        schema: { state: schema.state, pending: [...schema.pending] },
        database: { kind, version: server.version },
        warnings: findings.filter(isWarning).map(toWarning),
      };
      this.log(formatTable(['', ''], toRows(result)));
      // Under --json they are in the answer.
      if (!this.jsonEnabled())
        for (const warning of result.warnings) printWarning(warning, process.stderr);
      return result;
    });
  }
}

const isWarning = ({ state }: Finding) => state === 'warn';
const toWarning = ({ detail, hint }: Finding) => `${detail}; ${hint}`;

function toRows(status: StatusResult): [string, string][] {
  const age = formatElapsed(status.oldest_pending_seconds * 1_000);
  const { drain_seconds } = status;
  const drained =
    drain_seconds === null
      ? 'no worker drains them'
      : `drained in ${formatElapsed(drain_seconds * 1_000)}`;
  return [
    ['users', String(status.users)],
    ['sessions', String(status.sessions)],
    ['pending hashes', `${status.pending_hashes}, oldest ${age}, ${drained}`],
    ['parked hashes', String(status.parked_hashes)],
    ['hash rate', `${status.hash_rate}/s`],
    ['mail', describeMessages(status.mail)],
    ['text messages', describeMessages(status.sms)],
    ['events', describeEvents(status.events)],
    ['domains', `${status.domains.verified} verified, ${status.domains.pending} pending`],
    ['processes', `${status.api.nodes} API, ${status.worker.nodes} worker`],
    ['schema', status.schema.state],
    ['database', `${status.database.kind}, PostgreSQL ${status.database.version}`],
  ];
}

function describeMessages({ queued, oldest_queued_seconds, dead }: MessageCounts): string {
  const age = formatElapsed(oldest_queued_seconds * 1_000);
  return `${queued} queued, oldest ${age}, ${dead} dead`;
}

function describeEvents({ waiting, oldest_waiting_seconds, dead }: StatusReport['events']): string {
  const age = formatElapsed(oldest_waiting_seconds * 1_000);
  return `${waiting} waiting, oldest ${age}, ${dead} dead`;
}
