import { createApiClient, type Tokens } from './api-client.ts';
import type { BenchContext } from './context.ts';
import { forkLoad } from './load/fork-load.ts';
import { benchAddress } from './load/scenarios/registration.ts';
import type { Subject } from './subject.ts';

/** Few enough that each registration finds a free slot and is hashed at once. */
const CONNECTIONS = 2;

/**
 * Registers users whose passwords are hashed, not pending.
 * @returns their addresses
 */
export async function makeUsers(
  context: BenchContext,
  subject: Subject,
  count: number,
): Promise<string[]> {
  context.progress.step(`registering ${count} users`);
  const runId = context.runId('user');
  const { statuses } = await forkLoad(
    {
      url: subject.url,
      connections: CONNECTIONS,
      durationMs: 120_000,
      maxRequests: count,
      scenario: { kind: 'registration', domain: subject.domain, runId, password: context.password },
    },
    { signal: context.signal },
  );
  if (statuses['201'] !== count)
    throw new Error(`setting the scene failed: ${JSON.stringify(statuses)}`);
  return Array.from({ length: count }, (_, index) => benchAddress(runId, index, subject.domain));
}

/** Signs each user in once. */
export async function signIn(
  context: BenchContext,
  subject: Subject,
  emails: readonly string[],
): Promise<Tokens[]> {
  context.progress.step(`signing ${emails.length} users in`);
  const api = createApiClient(subject.url);
  const tokens: Tokens[] = [];
  for (const email of emails) tokens.push(await api.login(email, context.password));
  return tokens;
}
