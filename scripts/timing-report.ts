/**
 * Measures whether answers that read alike also take alike, on a throwaway appliance, and prints the
 * result in Markdown. See docs/timing.md; `--help` names the options.
 */
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  createThrowaway,
  type RunningAppliance,
  type Throwaway,
} from '../src/bench/appliance/throwaway.ts';
import { systemClock } from '../src/lib/clock.ts';
import { packageRoot } from '../src/lib/package-root.ts';
import { CONDITIONS, type Condition } from './timing/conditions.ts';
import { underLoad } from './timing/load.ts';
import { startMailServer } from './timing/mail-server.ts';
import { type Measured, measure } from './timing/measure.ts';
import { printComparison } from './timing/print-comparison.ts';
import type { Question } from './timing/questions.ts';
import { MAIL_DOMAIN, OPEN_DOMAIN, type Scene, setScene } from './timing/scene.ts';

const NAMES = Object.keys(CONDITIONS);
const HELP = `node scripts/timing-report.ts [options]
  --only <names>       some of ${NAMES.join(',')}; all by default
  --requests <count>   of each class; 2000 by default
  --memory-kib <count> Argon2id memory; the product's default by default
  --passes <count>     Argon2id passes; likewise`;
const PROBES_PER_START = 6;
const SLOTS = availableParallelism();

interface Run {
  readonly throwaway: Throwaway;
  readonly samples: number;
  readonly settings: Readonly<Record<string, string>>;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: NAMES.join() },
      requests: { type: 'string', default: '2000' },
      'memory-kib': { type: 'string' },
      passes: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return print(HELP);
  const only = values.only.split(',');
  const stranger = only.find((name) => !NAMES.includes(name));
  if (stranger !== undefined) throw new Error(`${stranger} is not one of ${NAMES.join(', ')}`);
  const samples = Number(values.requests);
  const cost = {
    ...(values['memory-kib'] && { AUTHCTL_HASH_MEMORY_KIB: values['memory-kib'] }),
    ...(values.passes && { AUTHCTL_HASH_PASSES: values.passes }),
  };

  print(`${cpus()[0]?.model ?? 'unknown CPU'}, ${SLOTS} cores, Node ${process.versions.node};`);
  print(`${samples} requests a class, the first 5 % left out; Argon2id ${describe(cost)}.\n`);
  const throwaway = await createThrowaway({
    runner: join(packageRoot(), 'bin', 'run.js'),
    env: process.env,
    clock: systemClock,
  });
  const settings = { AUTHCTL_LIMITS: 'off', AUTHCTL_HASH_SLOTS: String(SLOTS), ...cost };
  const run = { throwaway, samples, settings };
  try {
    const scene = await prepare(run);
    for (const name of NAMES) if (only.includes(name)) await report(run, CONDITIONS[name]!, scene);
  } finally {
    await throwaway.remove();
  }
}

async function prepare(run: Run): Promise<Scene> {
  const { throwaway } = run;
  await throwaway.run('domains', 'add', OPEN_DOMAIN, '--trust', '--verification', 'none');
  await throwaway.run('domains', 'add', MAIL_DOMAIN, '--trust');
  return withAppliance(run, CONDITIONS['idle']!, ({ url }) => setScene(url, throwaway));
}

async function report(run: Run, condition: Condition, scene: Scene): Promise<void> {
  print(`## ${condition.title}\n`);
  const startedAt = performance.now();
  const questions = condition.questions(scene);
  if (condition.isRestarted) {
    const results = await measureRestarted(run, condition, questions);
    for (const question of questions) printComparison(question, results.get(question)!, print);
  } else
    for (const question of questions) {
      const work = ({ url }: RunningAppliance) => measureMeanwhile(run, condition, question, url);
      printComparison(question, await withAppliance(run, condition, work), print);
    }
  print(`${Math.round((performance.now() - startedAt) / 1_000)} seconds.\n`);
}

function measureMeanwhile(run: Run, condition: Condition, { classes }: Question, url: string) {
  const { load, isSlow } = condition;
  const work = () => measure(url, classes, { samples: run.samples, isSlow });
  return load ? underLoad(url, { load, slots: SLOTS }, work) : work();
}

async function measureRestarted(run: Run, condition: Condition, questions: readonly Question[]) {
  const results = new Map(questions.map((question) => [question, new Map<string, Measured>()]));
  let order = questions;
  for (let probes = 0; probes < run.samples; probes += PROBES_PER_START) {
    // The first question after a start finds it coldest: they take turns.
    order = order.toReversed();
    await withAppliance(run, condition, async ({ url }) => {
      for (const question of order)
        await measure(url, question.classes, { samples: PROBES_PER_START }, results.get(question)!);
    });
  }
  return results;
}

async function withAppliance<T>(
  { throwaway, settings }: Run,
  { settings: own, mailServerGreetsAfterMs: greets }: Condition,
  work: (appliance: RunningAppliance) => Promise<T>,
): Promise<T> {
  const mails = greets === undefined ? undefined : await startMailServer(greets);
  const appliance = await throwaway.serve({
    settings: { ...settings, ...own, ...(mails && { AUTHCTL_SMTP_URL: mails.url }) },
    worker: mails !== undefined,
  });
  try {
    return await work(appliance);
  } finally {
    await appliance.stop();
    await mails?.close();
  }
}

function describe(cost: Record<string, string>): string {
  const changed = Object.entries(cost).map(([name, value]) => `${name}=${value}`);
  return changed.length === 0 ? 'as by default' : `with ${changed.join(' ')}`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main();
