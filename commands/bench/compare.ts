import { readFile } from 'node:fs/promises';
import { Args } from '@oclif/core';
import { compareResults, type Difference } from '../../src/bench/report/compare.ts';
import { BaseCommand } from '../../src/cli/base-command.ts';
import { formatTable } from '../../src/cli/format.ts';
import { unreadableFile } from '../../src/cli/unreadable-file.ts';

export default class BenchCompare extends BaseCommand<typeof BenchCompare> {
  static override summary = 'Compare two results of the same benchmark: before and after a change.';
  static override description =
    'A change smaller than the spread of the repeated runs (--repeat) is called noise.';
  static override examples = ['<%= config.bin %> <%= command.id %> before.json after.json'];
  static override args = {
    before: Args.string({ description: 'Result written with --json.', required: true }),
    after: Args.string({ description: 'Another of the same benchmark.', required: true }),
  };

  async run(): Promise<{ differences: Difference[] }> {
    const { before, after } = this.args;
    const differences = compareResults(await read(before), await read(after));
    const rows = differences.map(({ label, before, after, change, is_beyond_noise }) => [
      label,
      before,
      after,
      change === null ? '-' : `${change >= 0 ? '+' : ''}${(change * 100).toFixed(1)}%`,
      is_beyond_noise ? '' : 'noise',
    ]);
    this.log(formatTable(['FIGURE', 'BEFORE', 'AFTER', 'CHANGE', ''], rows));
    return { differences };
  }
}

function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw unreadableFile(file, cause, 'write one with: authctl bench login --json > before.json');
  });
}
