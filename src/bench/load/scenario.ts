import type { ScenarioPlan } from './plan.ts';
import { flowScenario } from './scenarios/flow.ts';
import { loginScenario } from './scenarios/login.ts';
import { meScenario } from './scenarios/me.ts';
import { postsScenario } from './scenarios/posts.ts';
import { refreshScenario } from './scenarios/refresh.ts';
import { registrationScenario } from './scenarios/registration.ts';
import { staticScenario } from './scenarios/static.ts';

/**
 * Makes the requests of a load. Called once a request on the hot path: requests are latin1 text
 * (ASCII in practice), which a socket writes without an intermediate buffer.
 */
export interface Scenario {
  /** Whether `onResponse` needs the bodies. */
  readonly wantsBody: boolean;
  /**
   * The next request of a connection, complete with head and body.
   * @returns null where this connection has nothing more to send
   */
  next(connection: number): string | null;
  onResponse?(connection: number, status: number, body: Buffer): void;
  /** What it counted, for the report. */
  counters?(): Record<string, number>;
  /** Writes out what is still buffered. */
  close?(): void;
}

/**
 * @param authority the value of the `Host` header
 * @throws AppError `usage` where the plan cannot make a single request
 */
export function createScenario(plan: ScenarioPlan, authority: string): Scenario {
  switch (plan.kind) {
    case 'static':
      return staticScenario(plan, authority);
    case 'registration':
      return registrationScenario(plan, authority);
    case 'login':
      return loginScenario(plan, authority);
    case 'me':
      return meScenario(plan, authority);
    case 'refresh':
      return refreshScenario(plan, authority);
    case 'posts':
      return postsScenario(plan, authority);
    case 'flow':
      return flowScenario(plan, authority);
  }
}
