import { Errors, Help } from '@oclif/core';
import { refuseUnknownCommand } from './unknown-command.ts';

/** oclif's help, but for an unknown command: that is told like everywhere else. */
export default class AuthctlHelp extends Help {
  override async showHelp(argv: string[]): Promise<void> {
    try {
      await super.showHelp(argv);
    } catch (error) {
      // Nothing else of it throws one.
      if (!(error instanceof Errors.CLIError)) throw error;
      const words = argv.filter((word) => word !== 'help' && !word.startsWith('-'));
      refuseUnknownCommand(words.join(' '), this.config, { asJson: argv.includes('--json') });
    }
  }
}
