import { mkdir, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import type { Command } from '@oclif/core';
import { programVersion } from '../app/version.ts';
import { siblingModule } from '../bench/child/sibling-module.ts';
import type { BenchContext, Benchmark, BenchOptions } from '../bench/context.ts';
import { createBenchContext } from '../bench/create-context.ts';
import { toHtml } from '../bench/report/html.ts';
import { type BenchReport, presentResult } from '../bench/report/json.ts';
import { toText } from '../bench/report/text.ts';
import { allPassed, type BenchResult } from '../bench/result.ts';
import { systemClock } from '../lib/clock.ts';
import { packageRoot } from '../lib/package-root.ts';
import { BaseCommand, type CommandContext } from './base-command.ts';
import { type BenchFlags, toBenchOptions } from './bench-flags.ts';
import { benchProgress } from './bench-progress.ts';

/**
 * `authctl bench …`: sets up, measures, prints, writes the report. A benchmark brings an appliance
 * of its own, in a folder of its own, and removes it; the operator's settings do not reach it.
 */
export abstract class BenchCommand<
  T extends typeof Command = typeof Command,
> extends BaseCommand<T> {
  /** Runs one benchmark and reports it. */
  protected async measure(benchmark: Benchmark, flags: BenchFlags): Promise<BenchReport> {
    const [report] = await this.measureAll([benchmark], flags);
    return report!;
  }

  /**
   * Runs benchmarks one after the other; each releases what it opened before the next begins.
   * @param keep is given each result at once: a later benchmark that fails takes none with it
   */
  protected async measureAll(
    benchmarks: readonly Benchmark[],
    flags: BenchFlags,
    keep?: (result: BenchResult) => Promise<void>,
  ): Promise<BenchReport[]> {
    const options = toBenchOptions(flags);
    const loadBefore = loadavg()[0]!;
    const results: BenchResult[] = [];
    for (const benchmark of benchmarks) {
      const result = await this.withScope((command) =>
        benchmark.run(this.#context(command, options, loadBefore)),
      );
      results.push(result);
      this.log(`${toText(result)}\n`);
      await keep?.(result);
      if (flags.html !== undefined) await this.#writeReport(flags.html, results);
    }
    if (flags.html !== undefined) this.log(`The report is in ${flags.html}`);
    if (flags.check && !results.every(allPassed)) process.exitCode = 1;
    return results.map(presentResult);
  }

  async #writeReport(file: string, results: readonly BenchResult[]): Promise<void> {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, toHtml(results));
  }

  #context(
    { scope, log, stop }: CommandContext,
    options: BenchOptions,
    loadBefore: number,
  ): BenchContext {
    const { tuning } = this.settings.database;
    return createBenchContext({
      options,
      loadBefore,
      scope,
      version: programVersion(),
      clock: systemClock,
      signal: stop,
      progress: benchProgress(),
      runner: join(packageRoot(), 'bin', 'run.js'),
      env: this.given.env,
      staticServer: siblingModule('../app/static-server-process', import.meta.url),
      async joinDatabase(dataDir) {
        const { joinEmbeddedPostgres } = await import('../db/embedded/join.ts');
        return joinEmbeddedPostgres({ dataDir, tuning, log });
      },
    });
  }
}
