import { join } from 'node:path';
import { type Config, findWarnings } from '../../../config/index.ts';
import { systemClock } from '../../lib/clock.ts';
import { exists } from '../../lib/exists.ts';
import type { Scope } from '../../lib/lifecycle.ts';
import type { Logger } from '../../lib/logger.ts';
import { openStore, type Store } from '../open-store.ts';
import { type CheckResult, type Finding, ok, runCheck, warn } from './check.ts';
import {
  checkClock,
  checkDatabase,
  checkDomains,
  checkKeys,
  checkMigrations,
  type Installation,
} from './installation.ts';
import { checkDataFolder, checkHashing, checkRuntime } from './machine.ts';
import {
  checkCollector,
  checkKafka,
  checkMail,
  checkPort,
  checkSettings,
  checkSms,
  checkValkey,
  checkWebhook,
} from './network.ts';
import { checkEvents, checkMails, checkTexts } from './queues.ts';

export interface Diagnosis {
  readonly checks: readonly CheckResult[];
  readonly isHealthy: boolean;
  /** Whether the database answered, or is yet to be made. */
  readonly isDatabaseReachable: boolean;
}

export interface ExamineOptions {
  readonly config: Config;
  readonly scope: Scope;
  readonly log: Logger;
}

const POOL_SIZE = 2;
/** Long enough for a server that is restarting, short enough for somebody who waits. */
const PATIENCE_MS = 5_000;

type Checks = Record<string, (installation: Installation) => Promise<Finding>>;

const OF_THE_DATABASE = {
  database: checkDatabase,
  clock: checkClock,
  schema: checkMigrations,
} as const satisfies Checks;

/** They read tables, which another schema does not have. */
const OF_THE_TABLES = {
  keys: checkKeys,
  domains: checkDomains,
  'waiting events': checkEvents,
  'waiting mails': checkMails,
  'waiting text messages': checkTexts,
} as const satisfies Checks;

/**
 * Examines this machine and the installation, changing neither. One check's failure never keeps the
 * others from running.
 */
export async function examine(options: ExamineOptions): Promise<Diagnosis> {
  const { config, log } = options;
  const { host, port, management, env, dataDir } = config;
  const ofTheMachine = [
    await runCheck('runtime', () => checkRuntime(process.versions.node, process.platform)),
    await runCheck('settings', () => checkSettings(env, findWarnings(config))),
    await runCheck('data folder', () => checkDataFolder(dataDir)),
    await runCheck('hashing', () => checkHashing(config, systemClock)),
    await runCheck('public port', () => checkPort(host, port, '/health')),
    await runCheck('management port', () =>
      checkPort(management.host, management.port, '/health/live'),
    ),
    await runCheck('mail', () => checkMail(config)),
    await runCheck('valkey', () => checkValkey(config, log)),
    await runCheck('kafka', () => checkKafka(config)),
    await runCheck('sms', () => checkSms(config)),
    await runCheck('webhook', () => checkWebhook(config)),
    await runCheck('collector', () => checkCollector(config)),
  ];
  const ofTheDatabase = await examineDatabase(options);
  const checks = [...ofTheMachine, ...ofTheDatabase];
  return {
    checks,
    isHealthy: checks.every(({ state }) => state !== 'fail'),
    isDatabaseReachable: !ofTheDatabase.some(
      ({ check, state }) => check === 'connection' && state === 'fail',
    ),
  };
}

async function examineDatabase(options: ExamineOptions): Promise<CheckResult[]> {
  const { config } = options;
  if (!config.database.url && !(await exists(join(config.dataDir, 'postgres'))))
    return [{ check: 'connection', ...ok('no database yet; the first start makes it') }];

  let store: Store | undefined;
  const connection = await runCheck('connection', async () => {
    store = await connect(options);
    return ok('the database answers');
  });
  if (!store)
    return [
      connection,
      ...notChecked({ ...OF_THE_DATABASE, ...OF_THE_TABLES }, 'there is no usable database'),
    ];

  const installation = { config, clock: systemClock, log: options.log, store };
  const results = [connection, ...(await runAll(OF_THE_DATABASE, installation))];
  const hasSchema = results.every(({ check, state }) => check !== 'schema' || state === 'ok');
  return hasSchema
    ? [...results, ...(await runAll(OF_THE_TABLES, installation))]
    : [...results, ...notChecked(OF_THE_TABLES, 'the schema is not the one this program knows')];
}

async function runAll(checks: Checks, installation: Installation): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const [name, check] of Object.entries(checks))
    results.push(await runCheck(name, () => check(installation)));
  return results;
}

function connect({ config, scope, log }: ExamineOptions): Promise<Store> {
  return openStore({
    config,
    scope,
    log,
    clock: systemClock,
    applicationName: 'authctl doctor',
    poolSize: POOL_SIZE,
    patienceMs: PATIENCE_MS,
  });
}

function notChecked(checks: Checks, why: string): CheckResult[] {
  return Object.keys(checks).map((check) => ({ check, ...warn(`not checked: ${why}`) }));
}
