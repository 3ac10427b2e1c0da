import { AppError } from '../../../errors.ts';
import { openJournal } from '../journal.ts';
import type { ScenarioPlan } from '../plan.ts';
import { postRequest } from '../request.ts';
import type { Scenario } from '../scenario.ts';

type Plan = Extract<ScenarioPlan, { kind: 'refresh' }>;

/**
 * Every connection follows one session: the refresh token of each answer is the next request's.
 * A connection whose chain broke (any answer but 2xx) stops; one whose answer was lost sends the
 * same token again, which the appliance answers with the same successor.
 */
export function refreshScenario(plan: Plan, authority: string): Scenario {
  if (plan.tokens.length === 0)
    throw new AppError('usage', { text: 'A refresh load needs one session a connection.' });
  const journal = plan.journal === undefined ? undefined : openJournal(plan.journal);
  const current: (string | null)[] = [...plan.tokens];
  let broken = 0;

  return {
    wantsBody: true,
    next(connection) {
      const token = current[connection] ?? null;
      if (token === null) return null;
      return postRequest(authority, '/v1/token/refresh', `{"refresh_token":"${token}"}`);
    },
    onResponse(connection, status, body) {
      if (status === 429 || status === 503) return;
      const text = status === 200 ? body.toString('latin1') : '';
      const successor = field(text, 'refresh_token');
      current[connection] = successor;
      if (successor === null) broken += 1;
      const accessToken = journal ? field(text, 'access_token') : null;
      if (accessToken !== null) journal?.append(accessToken);
    },
    counters: () => ({ broken_chains: broken }),
    close: () => journal?.close(),
  };
}

/** A string field of a small JSON text by search: parsing every answer would cost more than sending it. */
export function field(text: string, name: string): string | null {
  const label = `"${name}":"`;
  const at = text.indexOf(label);
  if (at < 0) return null;
  const start = at + label.length;
  return text.slice(start, text.indexOf('"', start));
}
