import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Flags } from '@oclif/core';
import { BENCHMARKS } from '../../src/bench/benchmarks/index.ts';
import { type BenchReport, toJson } from '../../src/bench/report/json.ts';
import type { BenchResult } from '../../src/bench/result.ts';
import { BenchCommand } from '../../src/cli/bench-command.ts';
import { reportFlags } from '../../src/cli/bench-flags.ts';

export default class Bench extends BenchCommand<typeof Bench> {
  static override summary = 'Measure everything, each on a throwaway appliance of its own.';
  static override description =
    'Takes some minutes. Writes one JSON file for each benchmark and one HTML report of them all; two JSON files can be compared with `bench compare`.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --repeat 3 --out before',
  ];
  static override flags = {
    ...reportFlags,
    out: Flags.string({
      summary: 'Folder for the results.',
      default: 'bench-results',
      helpValue: '<folder>',
    }),
  };

  async run(): Promise<{ results: BenchReport[] }> {
    const { out } = this.flags;
    await mkdir(out, { recursive: true });
    const html = this.flags.html ?? join(out, 'index.html');
    const keep = (result: BenchResult) =>
      writeFile(join(out, `${result.name}.json`), toJson(result));
    return { results: await this.measureAll(BENCHMARKS, { ...this.flags, html }, keep) };
  }
}
