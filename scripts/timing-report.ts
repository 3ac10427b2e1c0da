/**
 * Measures whether answers that read alike also take alike, on a throwaway appliance, and prints the
 * result in Markdown: `node scripts/timing-report.ts [samples a class]`. See docs/timing.md.
 */
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { createThrowaway, type Throwaway } from '../src/bench/appliance/throwaway.ts';
import { systemClock } from '../src/lib/clock.ts';
import { packageRoot } from '../src/lib/package-root.ts';
import { measure, type RequestClass } from './timing/measure.ts';
import { MAIL_DOMAIN, OPEN_DOMAIN, PASSWORD, type Scene, setScene } from './timing/scene.ts';
import { compareTimes, median, settled } from './timing/statistics.ts';

/** Classes that must not be told apart; the first is what the others are compared with. */
interface Question {
  readonly title: string;
  readonly classes: readonly RequestClass[];
  /** Told apart by what is sent already; shown for completeness. */
  readonly notJudged?: readonly string[];
}

const WRONG = 'not my password at all';
const BASE_SETTINGS = { AUTHCTL_LIMITS: 'off' };

async function main(samples: number): Promise<void> {
  const throwaway = await createThrowaway({
    runner: join(packageRoot(), 'bin', 'run.js'),
    env: process.env,
    clock: systemClock,
  });
  try {
    await throwaway.run('domains', 'add', OPEN_DOMAIN, '--trust', '--verification', 'none');
    await throwaway.run('domains', 'add', MAIL_DOMAIN, '--trust');
    print(`${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} cores,`);
    print(`Node ${process.versions.node}; ${samples} requests a class, the first 5 % left out.\n`);
    await withAppliance(throwaway, { AUTHCTL_HASH_MODE: 'deferred' }, async (url) => {
      const scene = await setScene(url, throwaway);
      await report(url, samples, loginQuestion(scene));
      await report(url, samples, forgotQuestion(scene));
    });
    await withAppliance(throwaway, {}, async (url) => {
      await report(url, samples, await registerQuestion(url));
    });
  } finally {
    await throwaway.remove();
  }
}

async function withAppliance(
  throwaway: Throwaway,
  settings: Record<string, string>,
  work: (url: string) => Promise<void>,
): Promise<void> {
  const appliance = await throwaway.serve({
    settings: { ...BASE_SETTINGS, ...settings },
    worker: false,
  });
  try {
    await work(appliance.url);
  } finally {
    await appliance.stop();
  }
}

function loginQuestion(scene: Scene): Question {
  const login = (name: string, emailOf: (index: number) => string): RequestClass => ({
    name,
    path: '/v1/login',
    status: 401,
    body: (index) => ({ email: emailOf(index), password: WRONG }),
  });
  const among = (emails: readonly string[]) => (index: number) => emails[index % emails.length]!;
  return {
    title: 'Signing in with a wrong password',
    classes: [
      login('unknown address', (index) => `nobody-${index}@${OPEN_DOMAIN}`),
      login('final hash', among(scene.final)),
      login('pending hash', among(scene.pending)),
      login('locked', among(scene.locked)),
      login('two-factor on', among(scene.twoFactor)),
      login('no address at all', (index) => `nobody ${index}`),
    ],
    notJudged: ['no address at all'],
  };
}

function forgotQuestion(scene: Scene): Question {
  const forgot = (name: string, emailOf: (index: number) => string): RequestClass => ({
    name,
    path: '/v1/password/forgot',
    status: 202,
    body: (index) => ({ email: emailOf(index) }),
  });
  return {
    title: 'Asking for a code for a forgotten password',
    classes: [
      forgot('unknown address', (index) => `nobody-${index % 5}@${OPEN_DOMAIN}`),
      forgot('known address', (index) => scene.final[index % scene.final.length]!),
    ],
  };
}

async function registerQuestion(url: string): Promise<Question> {
  const register = (name: string, emailOf: (index: number) => string): RequestClass => ({
    name,
    path: '/v1/register',
    status: 202,
    body: (index) => ({ email: emailOf(index), password: PASSWORD }),
  });
  const taken = register('taken address', (index) => `taken-${index % 5}@${MAIL_DOMAIN}`);
  await measure(url, [taken], 10);
  const fresh = register('new address', (index) => `new-${index}@${MAIL_DOMAIN}`);
  return { title: 'Registering under a domain that mails a code', classes: [fresh, taken] };
}

async function report(url: string, samples: number, question: Question): Promise<void> {
  const { title, classes, notJudged = [] } = question;
  const times = await measure(url, classes, samples);
  const [reference, ...others] = classes.map(({ name }) => ({ name, times: times.get(name)! }));
  print(`### ${title}\n`);
  print('| class | median | difference | Mann–Whitney p | attacker, 20 probes | |');
  print('|---|---|---|---|---|---|');
  print(`| ${reference!.name} | ${median(settled(reference!.times)).toFixed(2)} ms | | | | |`);
  for (const other of others) {
    const found = compareTimes(reference!.times, other.times);
    const cells = [
      other.name,
      `${found.medianMs.toFixed(2)} ms`,
      `${found.differenceMs >= 0 ? '+' : ''}${found.differenceMs.toFixed(2)} ms`,
      found.pValue.toFixed(3),
      `${(100 * found.attackerAccuracy).toFixed(0)} %`,
      notJudged.includes(other.name) ? 'not judged' : found.isPassed ? 'pass' : '**fail**',
    ];
    print(`| ${cells.join(' | ')} |`);
  }
  print('');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main(Number(process.argv[2] ?? 2_000));
