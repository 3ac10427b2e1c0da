import { Args, Flags } from '@oclif/core';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { AppError } from '../../src/errors.ts';
import { parseDuration } from '../../src/lib/duration.ts';
import { createOperators, type OperatorView } from '../../src/services/operator/operators.ts';
import { SCOPES } from '../../src/services/operator/scopes.ts';

export default class OperatorsCreate extends CoreCommand<typeof OperatorsCreate> {
  static override summary = 'Make a token for the management API; it is shown once.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> support --scope users:read --scope users:write',
    '<%= config.bin %> <%= command.id %> gateway --scope introspect --expires 30d',
    '<%= config.bin %> <%= command.id %> ci --scope "*" --expires 12h --json',
  ];
  static override args = {
    name: Args.string({ required: true, description: 'What the audit calls it; never reused.' }),
  };
  static override flags = {
    scope: Flags.option({
      summary: 'What it is good for; may be given many times. write includes read.',
      options: SCOPES,
      multiple: true,
      multipleNonGreedy: true,
      required: true,
    })(),
    expires: Flags.string({
      summary: 'How long the token works, a year at most.',
      default: '90d',
      helpValue: '<duration>',
    }),
  };

  async run(): Promise<{ operator: OperatorView; token: string }> {
    const { scope: scopes, expires } = this.flags;
    const ttlMs = parseDuration(expires);
    if (ttlMs === null)
      throw new AppError('usage', {
        text: `--expires ${expires} is not a duration.`,
        hint: 'write it like 12h or 90d',
      });
    return this.withCore(async (core) => {
      const { name } = this.args;
      const created = await createOperators(core).create(this.actor, { name, scopes, ttlMs });
      const { operator, token } = created;
      this.log(`${name} may ${operator.scopes.join(', ')} until ${operator.expires_at}`);
      this.log(`token  ${token}  (not shown again)`);
      return created;
    });
  }
}
