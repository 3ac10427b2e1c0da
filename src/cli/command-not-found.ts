import type { Hook } from '@oclif/core';
import { refuseUnknownCommand } from './unknown-command.ts';

/** Runs when no command has the name that was typed. */
const commandNotFound: Hook.CommandNotFound = async ({ id, argv, config }) =>
  refuseUnknownCommand(id.replaceAll(':', ' '), config, {
    asJson: argv?.includes('--json') ?? false,
  });

export default commandNotFound;
