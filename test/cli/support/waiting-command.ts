/** A command that waits until it is stopped, for the tests of signals and unexpected errors. */
import { Flags, handle } from '@oclif/core';
import { BaseCommand, yesFlag } from '../../../src/cli/base-command.ts';

class Waiting extends BaseCommand<typeof Waiting> {
  static override flags = {
    crash: Flags.boolean(),
    destroy: Flags.boolean(),
    graceful: Flags.boolean(),
    stuck: Flags.boolean(),
    yes: yesFlag,
  };

  async run(): Promise<{ stopped: unknown }> {
    Waiting.longRunning = this.flags.graceful;
    return this.withScope(async ({ scope, stop }) => {
      scope.defer('thing', () => {
        process.stderr.write('released\n');
      });
      if (this.flags.stuck) scope.defer('the slow thing', stall);
      if (this.flags.crash) throw new TypeError('a bug');
      if (this.flags.destroy) {
        this.requireYes('This deletes everything.');
        return { stopped: 'destroyed' };
      }
      const hold = setInterval(() => {}, 1_000);
      process.stderr.write('waiting\n');
      await new Promise((resolve) => stop.addEventListener('abort', resolve));
      // What a short command was doing goes on for a while; nobody waits for it.
      if (this.flags.graceful) clearInterval(hold);
      return { stopped: stop.reason };
    });
  }
}

function stall(): Promise<never> {
  process.stderr.write('still waiting\n');
  return new Promise(() => undefined);
}

await Waiting.run(process.argv.slice(2), import.meta.url).catch(handle);
