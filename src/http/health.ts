import { withDeadline } from '../lib/deadline.ts';
import { shareRun } from '../lib/share-run.ts';
import { plainRoute, type Route } from './kernel/route.ts';
import { Type } from './kernel/typebox.ts';

/** One thing that must work, by name; a rejection means that it does not. */
export type HealthChecks = Readonly<Record<string, () => void | Promise<void>>>;

const Health = Type.Object(
  {
    status: Type.Enum(['ok', 'unavailable']),
    checks: Type.Record(Type.String(), Type.Enum(['ok', 'failing'])),
  },
  {
    $id: 'Health',
    additionalProperties: false,
    examples: [{ status: 'ok', checks: { database: 'ok' } }],
  },
);

/** An orchestrator gives up on a probe after seconds; a part that hangs is failing by then. */
const CHECK_DEADLINE_MS = 2_000;

/**
 * A health page: 200 when every check passes, else 503 naming the parts that fail, never why. Not
 * counted by the Guardian, so that no flood of a client's makes a node look dead; instead, all who ask
 * at once share one look at the parts.
 */
export function healthRoute(path: `/${string}`, checks: HealthChecks): Route {
  const look = shareRun(() => Promise.all(Object.entries(checks).map(runCheck)));

  return plainRoute({
    method: 'get',
    path,
    summary: 'Whether this node can serve',
    tags: ['health'],
    auth: 'none',
    unlimited: true,
    anyQuery: true,
    responses: { 200: Health, 503: Health },
    handler: async () => {
      const results = await look();
      const body = { checks: Object.fromEntries(results) };
      const isHealthy = results.every(([, state]) => state === 'ok');
      return isHealthy
        ? { status: 200, body: { status: 'ok' as const, ...body } }
        : {
            status: 503,
            body: { status: 'unavailable' as const, ...body },
            headers: { 'Retry-After': '1' },
          };
    },
  });
}

async function runCheck([name, check]: [string, HealthChecks[string]]): Promise<
  [string, 'ok' | 'failing']
> {
  try {
    await withDeadline(Promise.resolve(check()), CHECK_DEADLINE_MS, () => `${name} took too long`);
    return [name, 'ok'];
  } catch {
    // The reason may name hosts and users; whoever owns the part logs it.
    return [name, 'failing'];
  }
}
