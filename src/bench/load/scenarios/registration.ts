import { openJournal } from '../journal.ts';
import type { ScenarioPlan } from '../plan.ts';
import { postRequest } from '../request.ts';
import type { Scenario } from '../scenario.ts';

type Plan = Extract<ScenarioPlan, { kind: 'registration' }>;

/** Digits of an address's number: 10^9 addresses a run, all of one length. */
const DIGITS = 9;

/**
 * Registers new addresses, and for a chosen share of the requests an address that was already
 * acknowledged, which must be a 409 every time. Only an acknowledged address is repeated: one still
 * in flight could lose to its own repetition, and the count of 409 would mean nothing.
 */
export function registrationScenario(plan: Plan, authority: string): Scenario {
  const share = plan.duplicates ?? 0;
  const journal = plan.journal === undefined ? undefined : openJournal(plan.journal);
  const [head, tail] = template(plan, authority);
  const sentBy: string[] = [];
  let acknowledged: string | undefined;
  let unique = 0;
  let repeated = 0;
  let owed = 0;

  return {
    wantsBody: false,
    next(connection) {
      owed += share;
      const repeats = owed >= 1 && acknowledged !== undefined;
      if (repeats) {
        owed -= 1;
        repeated += 1;
      }
      const local = repeats ? acknowledged! : localPart(plan.runId, unique++);
      sentBy[connection] = repeats ? '' : local;
      return head + local + tail;
    },
    onResponse(connection, status) {
      const local = sentBy[connection]!;
      if (status < 200 || status > 299 || local === '') return;
      acknowledged = local;
      journal?.append(`${local}@${plan.domain}`);
    },
    counters: () => ({ unique, repeated }),
    close: () => journal?.close(),
  };
}

/** The address of the n-th registration of a run: `u000000042-<runId>@<domain>`. */
export function benchAddress(runId: string, index: number, domain: string): string {
  return `${localPart(runId, index)}@${domain}`;
}

function localPart(runId: string, index: number): string {
  return `u${String(index).padStart(DIGITS, '0')}-${runId}`;
}

/** The request but for the local part: every request of a run has the same length. */
function template(plan: Plan, authority: string): [string, string] {
  const hole = localPart(plan.runId, 0);
  const body = JSON.stringify({ email: `${hole}@${plan.domain}`, password: plan.password });
  const request = postRequest(authority, '/v1/register', body);
  const at = request.indexOf(hole);
  return [request.slice(0, at), request.slice(at + hole.length)];
}
