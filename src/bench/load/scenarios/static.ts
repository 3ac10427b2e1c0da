import type { ScenarioPlan } from '../plan.ts';
import { getRequest, postRequest } from '../request.ts';
import type { Scenario } from '../scenario.ts';

type Plan = Extract<ScenarioPlan, { kind: 'static' }>;

/** The same request over and over. */
export function staticScenario(plan: Plan, authority: string): Scenario {
  const request =
    plan.method === 'GET'
      ? getRequest(authority, plan.path)
      : postRequest(authority, plan.path, plan.body ?? '{}');
  return { wantsBody: false, next: () => request };
}
