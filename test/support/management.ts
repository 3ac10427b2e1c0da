import { startManagement } from '../../src/app/start-management.ts';
import type { Scope } from '../../src/lib/lifecycle.ts';
import { createScope } from '../../src/lib/lifecycle.ts';
import { SYSTEM_ACTOR } from '../../src/services/audit/actor.ts';
import { createOperators } from '../../src/services/operator/operators.ts';
import { type Answer, type CallOptions, call, type TestAppliance } from './appliance.ts';

export interface TestManagement {
  readonly url: string;
  readonly port: number;
  /** Calls the management listener; without a token of its own as an operator who may do everything. */
  call(path: string, options?: CallOptions): Promise<Answer>;
  /** Makes an operator and returns the token. */
  operator(name: string, scopes: readonly string[], ttlMs?: number): Promise<string>;
  stop(): Promise<void>;
}

/** The management listener of a node. */
export async function startTestManagement(appliance: TestAppliance): Promise<TestManagement> {
  const { core, api } = appliance;
  const scope: Scope = createScope();
  const listener = await startManagement({ core, api, scope, port: 0, checkAnswers: true });
  const url = `http://127.0.0.1:${listener.port}`;
  const operators = createOperators(core);

  async function operator(name: string, scopes: readonly string[], ttlMs = 3_600_000) {
    return (await operators.create(SYSTEM_ACTOR, { name, scopes, ttlMs })).token;
  }

  const everything = await operator(`root-${listener.port}`, ['*']);
  return {
    url,
    port: listener.port,
    operator,
    call: (path, options) => call(url + path, { token: everything, ...options }),
    stop: () => scope.release(),
  };
}
