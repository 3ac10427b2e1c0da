import { AppError } from '../../../errors.ts';
import type { ScenarioPlan } from '../plan.ts';
import { getRequest } from '../request.ts';
import type { Scenario } from '../scenario.ts';

type Plan = Extract<ScenarioPlan, { kind: 'me' }>;

/** Reads the profile behind each of the given access tokens in turn. */
export function meScenario(plan: Plan, authority: string): Scenario {
  const { tokens } = plan;
  if (tokens.length === 0)
    throw new AppError('usage', { text: 'A load on /v1/me needs at least one token.' });
  let turn = 0;
  if (plan.once) {
    return {
      wantsBody: false,
      next: () => (turn < tokens.length ? getRequest(authority, '/v1/me', tokens[turn++]!) : null),
    };
  }
  const requests = tokens.map((token) => getRequest(authority, '/v1/me', token));
  return { wantsBody: false, next: () => requests[turn++ % requests.length]! };
}
