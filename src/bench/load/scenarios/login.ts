import { AppError } from '../../../errors.ts';
import type { ScenarioPlan } from '../plan.ts';
import { postRequest } from '../request.ts';
import type { Scenario } from '../scenario.ts';

type Plan = Extract<ScenarioPlan, { kind: 'login' }>;

/** Logs the given users in, one after the other, round and round. */
export function loginScenario(plan: Plan, authority: string): Scenario {
  if (plan.emails.length === 0)
    throw new AppError('usage', { text: 'A login load needs at least one user.' });
  const requests = plan.emails.map((email) =>
    postRequest(authority, '/v1/login', JSON.stringify({ email, password: plan.password })),
  );
  let turn = 0;
  return { wantsBody: false, next: () => requests[turn++ % requests.length]! };
}
