import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import { createApiClient } from './api-client.ts';
import type { RunningAppliance, SettingVariables, Throwaway } from './appliance/throwaway.ts';
import { createThrowaway } from './appliance/throwaway.ts';
import type { BenchContext } from './context.ts';
import { parseTarget } from './load/target.ts';
import { type MachineFacts, readMachineFacts, startMeasuring } from './machine.ts';

/** What is measured: a throwaway appliance of our own, or one that already runs (`--url`). */
export interface Subject {
  readonly url: string;
  /** A domain whose addresses may register and need no verification. */
  readonly domain: string;
  /** Absent with `--url`: then processes, database and restarts are out of reach. */
  readonly own?: OwnSubject;
  /** Stops an own appliance, and says what it was measured on and what its database did meanwhile. */
  conclude(): Promise<MachineFacts>;
}

export interface OwnSubject {
  readonly throwaway: Throwaway;
  readonly appliance: RunningAppliance;
  readonly connectionString: string;
  /** Stops the appliance and starts it on the same data with other settings. */
  restart(settings: SettingVariables): Promise<OwnedSubject>;
}

/** A subject that is not a given one: everything of it is in reach. */
export type OwnedSubject = Subject & { readonly own: OwnSubject };

export interface SubjectOptions {
  readonly settings: SettingVariables;
  readonly worker: boolean;
}

const DOMAIN_DEADLINE_MS = 5_000;

/**
 * Starts (or finds) what is measured and makes sure that addresses may register there.
 * @throws AppError `usage` where a given appliance does not accept the benchmark's domain
 */
export async function openSubject(
  context: BenchContext,
  options: SubjectOptions,
): Promise<Subject> {
  const subject = context.options.url
    ? givenSubject(context.options.url, context.options.domain)
    : await ownSubject(context, options);
  await untilDomainAccepted(context, subject);
  return subject;
}

/**
 * Starts a throwaway appliance.
 * @throws AppError `usage` with `--url`: what needs this cannot be measured there
 */
export async function openOwnSubject(
  context: BenchContext,
  options: SubjectOptions,
): Promise<OwnedSubject> {
  if (context.options.url) {
    throw new AppError('usage', {
      text: 'This needs an appliance of its own, and --url names another.',
      hint: 'leave out --url',
    });
  }
  const subject = await ownSubject(context, options);
  await untilDomainAccepted(context, subject);
  return subject;
}

function givenSubject(url: string, domain: string): Subject {
  parseTarget(url);
  return { url, domain, conclude: () => readMachineFacts() };
}

async function ownSubject(
  context: BenchContext,
  { settings, worker }: SubjectOptions,
): Promise<OwnedSubject> {
  const { clock, runner, env, scope, signal, joinDatabase, options, progress } = context;
  progress.step('starting a throwaway appliance');
  const throwaway = scope.own(
    'throwaway appliance',
    await createThrowaway({ runner, env, clock, parentFolder: options.parentFolder }),
    (made) => made.remove(),
  );
  const appliance = await throwaway.serve({ settings, worker, signal });
  const { domain } = options;
  await throwaway.run('domains', 'add', domain, '--trust', '--verification', 'none');
  const database = await joinDatabase(throwaway.dataDir);
  scope.defer('database of the throwaway appliance', () => database.leave());
  const { connectionString } = database;
  const measured = await startMeasuring(connectionString);

  const onto = (appliance: RunningAppliance): OwnedSubject => ({
    url: appliance.url,
    domain,
    own: {
      throwaway,
      appliance,
      connectionString,
      async restart(changed) {
        progress.step('starting it again');
        await appliance.stop();
        return onto(await throwaway.serve({ settings: changed, worker, signal }));
      },
    },
    async conclude() {
      await appliance.stop();
      const facts = await readMachineFacts(throwaway.dataDir, measured);
      return { ...facts, settings: appliance.settings };
    },
  });
  return onto(appliance);
}

/** A change of domains takes up to a second to reach a running node. */
async function untilDomainAccepted(context: BenchContext, { url, domain }: Subject): Promise<void> {
  const api = createApiClient(url);
  const deadline = context.clock.monotonicMs() + DOMAIN_DEADLINE_MS;
  const email = `probe-${context.runId('probe')}@${domain}`;
  for (;;) {
    const answer = await api.register(email, context.password);
    if (answer.status === 201) return;
    if (answer.status !== 403 || context.clock.monotonicMs() > deadline) {
      throw new AppError('usage', {
        text: `${url} answers ${answer.status} to a registration at ${domain}; a benchmark needs 201.`,
        hint: `authctl domains add ${domain} --trust --verification none, or name another with --domain`,
      });
    }
    await sleep(50);
  }
}
