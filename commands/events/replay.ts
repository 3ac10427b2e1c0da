import { Flags } from '@oclif/core';
import { yesFlag } from '../../src/cli/base-command.ts';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { eventFlags } from '../../src/cli/event-flags.ts';
import { idArgs } from '../../src/cli/id-input.ts';
import { AppError } from '../../src/errors.ts';
import { counted } from '../../src/lib/counted.ts';
import { createEventRecords, type EventFilter } from '../../src/services/event/records.ts';

export default class EventsReplay extends CoreCommand<typeof EventsReplay> {
  static override summary = 'Publish events again: those that were given up, or all of a time.';
  static override description =
    'They keep their ids, so a receiver that remembers ids does nothing twice. Without --yes it only ' +
    'says how many there are. Published events are kept for events.retention.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> 019ab3c4-… --yes',
    '<%= config.bin %> <%= command.id %> --state dead --yes',
    '<%= config.bin %> <%= command.id %> --since 2026-03-01T12:00:00Z --until 2026-03-01T13:00:00Z --yes',
  ];
  static override args = { id: idArgs('From `events list`.', 'authctl events list shows the ids') };
  static override flags = {
    state: Flags.option({
      summary: 'Only events in this state.',
      options: ['published', 'dead'] as const,
    })(),
    ...eventFlags,
    yes: yesFlag,
  };

  async run(): Promise<{ replayed: number }> {
    const filter = this.#filter();
    return this.withCore(async (core) => {
      const records = createEventRecords(core);
      if (!this.flags.yes) {
        const count = await records.countReplayable(filter);
        this.requireYes(`${counted(count, 'event')} would be published again.`);
      }
      const replayed = await records.replay(filter, this.actor);
      this.log(`${replayed} queued again`);
      return { replayed };
    });
  }

  #filter(): EventFilter {
    const { state, type, user: userId, since, until } = this.flags;
    const filter = { ids: this.args.id, state, type, userId, since, until };
    if (Object.values(filter).every((part) => part === undefined))
      throw new AppError('usage', {
        text: 'Say which events.',
        hint: 'authctl events replay <id>, --state dead, or --since <time>',
      });
    return filter;
  }
}
