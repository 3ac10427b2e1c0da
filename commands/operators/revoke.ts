import { Args } from '@oclif/core';
import { yesFlag } from '../../src/cli/base-command.ts';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { createOperators, type OperatorView } from '../../src/services/operator/operators.ts';

export default class OperatorsRevoke extends CoreCommand<typeof OperatorsRevoke> {
  static override summary = "Revoke an operator's token; it fails at once, everywhere.";
  static override examples = ['<%= config.bin %> <%= command.id %> ci --yes'];
  static override args = { name: Args.string({ required: true, description: 'Its name.' }) };
  static override flags = { yes: yesFlag };

  async run(): Promise<{ operator: OperatorView }> {
    this.requireYes(`The token of ${this.args.name} would stop working.`);
    return this.withCore(async (core) => {
      const operator = await createOperators(core).revoke(this.actor, this.args.name);
      this.log(`${operator.name} revoked`);
      return { operator };
    });
  }
}
