import { CoreCommand } from '../../src/cli/core-command.ts';
import { formatTable } from '../../src/cli/format.ts';
import { createOperators, type OperatorView } from '../../src/services/operator/operators.ts';

export default class OperatorsList extends CoreCommand<typeof OperatorsList> {
  static override summary = 'List operators: what their tokens are good for, never the tokens.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
  ];

  async run(): Promise<{ operators: OperatorView[] }> {
    return this.withCore(async (core) => {
      const operators = await createOperators(core).list();
      const rows = operators.map((operator) => [
        operator.name,
        operator.status,
        operator.scopes.join(' '),
        operator.expires_at,
        operator.last_used_at ?? 'never',
      ]);
      this.log(
        rows.length > 0
          ? formatTable(['NAME', 'STATUS', 'SCOPES', 'EXPIRES', 'LAST USED'], rows)
          : 'No operators yet: authctl operators create <name> --scope …',
      );
      return { operators };
    });
  }
}
