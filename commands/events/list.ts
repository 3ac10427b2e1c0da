import { Flags } from '@oclif/core';
import type { Config } from '../../config/index.ts';
import { hasEventSink } from '../../src/app/has-event-sink.ts';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { eventFlags } from '../../src/cli/event-flags.ts';
import { formatEvents } from '../../src/cli/event-table.ts';
import { createEventRecords, type EventRecord } from '../../src/services/event/records.ts';

export default class EventsList extends CoreCommand<typeof EventsList> {
  static override summary = 'List events, the newest first: what waits, was published or given up.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --state dead --since 24h',
    '<%= config.bin %> <%= command.id %> --user 019ab3c4-… --json',
  ];
  static override flags = {
    state: Flags.option({
      summary: 'Only events in this state.',
      options: ['waiting', 'published', 'dead'] as const,
    })(),
    ...eventFlags,
    limit: Flags.integer({ summary: 'At most this many.', default: 50, min: 1, max: 1_000 }),
  };

  async run(): Promise<{ events: EventRecord[] }> {
    const { state, type, user: userId, since, until, limit } = this.flags;
    return this.withCore(async (core) => {
      const records = createEventRecords(core);
      const events = await records.list({ state, type, userId, since, until }, limit);
      this.log(events.length > 0 ? formatEvents(events) : describeNone(core.config));
      return { events };
    });
  }
}

/** Without a sink nothing is ever written, and looking for it would be in vain. */
function describeNone(config: Config): string {
  if (hasEventSink(config)) return 'No events.';
  return 'No events: no sink is set (webhook.url, kafka.brokers or events.stdout).';
}
