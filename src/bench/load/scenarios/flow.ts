import type { ScenarioPlan } from '../plan.ts';
import { getRequest, postRequest } from '../request.ts';
import type { Scenario } from '../scenario.ts';
import { field } from './refresh.ts';
import { benchAddress } from './registration.ts';

type Plan = Extract<ScenarioPlan, { kind: 'flow' }>;

/** Where a connection's user is: the request that comes next. */
type Step =
  | { readonly name: 'register' }
  | { readonly name: 'login'; readonly email: string }
  | { readonly name: 'me'; readonly token: string };

const REGISTER: Step = { name: 'register' };

/** Whole visits: every connection registers somebody, logs them in, reads their profile, and begins again. */
export function flowScenario(plan: Plan, authority: string): Scenario {
  const steps: Step[] = [];
  const emails: string[] = [];
  const completed = { registered: 0, logged_in: 0, profiles_read: 0 };
  let users = 0;

  const credentials = (email: string) => JSON.stringify({ email, password: plan.password });

  return {
    wantsBody: true,
    next(connection) {
      const step = steps[connection] ?? REGISTER;
      if (step.name === 'me') return getRequest(authority, '/v1/me', step.token);
      if (step.name === 'login')
        return postRequest(authority, '/v1/login', credentials(step.email));
      const email = benchAddress(plan.runId, users++, plan.domain);
      emails[connection] = email;
      return postRequest(authority, '/v1/register', credentials(email));
    },
    onResponse(connection, status, body) {
      const step = steps[connection] ?? REGISTER;
      // A refusal (503 in a burst) repeats the step, except that a new visit begins with a new user.
      if (status < 200 || status > 299) return;
      if (step.name === 'register') {
        completed.registered += 1;
        steps[connection] = { name: 'login', email: emails[connection]! };
        return;
      }
      const token = step.name === 'login' ? field(body.toString('latin1'), 'access_token') : null;
      if (step.name === 'login') completed.logged_in += 1;
      else completed.profiles_read += 1;
      steps[connection] = token === null ? REGISTER : { name: 'me', token };
    },
    counters: () => ({ ...completed }),
  };
}
