import type { Listener } from '../http/listen.ts';
import { createManagementApp } from '../http/management-app.ts';
import type { Scope } from '../lib/lifecycle.ts';
import { createProfiler } from '../lib/profiler.ts';
import { createAuditSearch } from '../services/audit/search.ts';
import { createKeyAdmin } from '../services/key/admin.ts';
import { createOperators } from '../services/operator/operators.ts';
import type { Core } from './core.ts';
import { openListener } from './open-listener.ts';
import type { Api } from './start-api.ts';
import { programVersion } from './version.ts';

export interface StartManagementOptions {
  readonly core: Core;
  /** The API process that this listener belongs to. */
  readonly api: Api;
  readonly scope: Scope;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Checks every answer against its declaration: for tests. */
  readonly checkAnswers?: boolean | undefined;
}

/** Starts the management listener of an API process. */
export async function startManagement(options: StartManagementOptions): Promise<Listener> {
  const { core, api, scope, port, checkAnswers } = options;
  const { config, db, clock, domains, status, masters } = core;
  const { users, authenticator } = api.services;
  const app = createManagementApp({
    ...core,
    version: programVersion(),
    metrics: api.metrics,
    services: {
      users,
      authenticator,
      domains,
      status,
      audit: createAuditSearch({ db }),
      operators: createOperators({ db, clock }),
      keys: createKeyAdmin({ db, clock, loadMasters: masters.load }),
      profiler: createProfiler(),
    },
    ready: api.health,
    started: {},
    checkAnswers,
  });
  const { host } = config.management;
  return openListener('management listener', app, { config, scope }, { host, port });
}
