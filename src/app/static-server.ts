import { type Config, loadConfig } from '../../config/index.ts';
import { signingKeyFromSeed } from '../crypto/access-token.ts';
import { createForge } from '../crypto/forge.ts';
import { randomBytes } from '../crypto/random.ts';
import type { Db } from '../db/database.ts';
import { toAppError } from '../db/errors.ts';
import { AppError } from '../errors.ts';
import { register } from '../http/handlers/registration.ts';
import { type Listener, listen } from '../http/listen.ts';
import { createMetrics } from '../http/metrics.ts';
import { createHttpApp } from '../http/server.ts';
import { systemClock } from '../lib/clock.ts';
import { createLogger, type Logger } from '../lib/logger.ts';
import { createCredentialCreator } from '../services/credential/create.ts';
import { createEvents } from '../services/event/events.ts';
import { createFlowDrafts } from '../services/flow/draft.ts';
import type { Services } from '../services/index.ts';
import type { Keyring, KeySet, Keys } from '../services/key/keyring.ts';
import { createNoLimits } from '../services/limit/no-limits.ts';
import { createMailQueue } from '../services/mail/draft.ts';
import { openPasswordPolicy } from '../services/password/open-policy.ts';
import { createConflicts } from '../services/registration/conflicts.ts';
import { createRegistrationDrafts } from '../services/registration/draft.ts';
import { createIdempotency } from '../services/registration/idempotency.ts';
import { findMissingIdentity, identityPolicyOf } from '../services/registration/identity.ts';
import { createRegister } from '../services/registration/register.ts';
import { createSessionIssuer } from '../services/session/issue.ts';
import { sessionLifetimeOf } from '../services/session/lifetime.ts';
import { hashParams } from './open-forge.ts';

const KEY_BYTES = 32;
const ISSUER = 'urn:authctl:bench';

/**
 * Serves registration with everything but the database: the same HTTP stack, the same validation and
 * password rules, the same keyed prehash, the same answer; then the user is forgotten. What it can
 * answer is the ceiling of what registration can, and `authctl bench` holds one against the other.
 */
export async function startStaticServer(): Promise<Listener> {
  // The defaults, as a throwaway appliance has them.
  const config = loadConfig({ env: { AUTHCTL_HASH_MODE: 'deferred', AUTHCTL_LIMITS: 'off' } });
  const clock = systemClock;
  const log = createLogger({ level: 'warn' });
  const app = createHttpApp<Pick<Services, 'register' | 'findMissingIdentity'>>({
    routes: [register],
    services: {
      register: createStaticRegister(config, log, await createKeys()),
      findMissingIdentity: (input) => findMissingIdentity(input, identityPolicyOf(config)),
    },
    authenticate: { bearer: refuse, operator: refuse },
    toAppError,
    observeRequest: createMetrics().observeRequest,
    clock,
    log,
    guardian: null,
    logEvery: config.log.sample,
  });
  return listen(app, { host: '127.0.0.1', port: 0 });
}

function createStaticRegister(config: Config, log: Logger, keys: Keys) {
  const clock = systemClock;
  const { limits, mailBudget } = createNoLimits();
  const admit = async () => true;
  return createRegister({
    identities: identityPolicyOf(config),
    domains: {
      findPolicy: async () => 'none',
      summary: async () => ({ verified: 1, pending: [] }),
      invalidate: () => undefined,
    },
    limits,
    passwords: openPasswordPolicy({ config, issuer: ISSUER, clock, log }),
    idempotency: createIdempotency({ db: NO_DATABASE, clock, keys }),
    drafts: createRegistrationDrafts({
      clock,
      autoLogin: false,
      credentials: createCredentialCreator({
        keys,
        forge: createForge({
          engine: { name: 'node-rs', hashRaw: refuse },
          slots: 1,
          cost: hashParams(config),
          clock,
        }),
        backlog: { admit, retryAfterSeconds: () => 1 },
        mode: 'deferred',
        params: hashParams(config),
      }),
      flows: createFlowDrafts({ clock, keys }),
      mails: createMailQueue({ clock, keys, messageDomain: 'bench.example', hasTexts: false }),
      mailBudget,
      sessions: createSessionIssuer({
        clock,
        keys,
        policy: {
          issuer: ISSUER,
          audience: config.audience,
          accessTtlMs: config.access.ttlMs,
          lifetime: sessionLifetimeOf(config),
        },
      }),
      events: createEvents({
        clock,
        enabled: false,
        wake: { soon: () => undefined, flush: async () => undefined },
      }),
    }),
    // Here the database would be: every row is new.
    batch: {
      submit: admit,
      drain: async () => undefined,
      stats: () => ({ waiting: 0, inFlight: 0 }),
    },
    conflicts: createConflicts(NO_DATABASE),
  });
}

/** Fresh keys that end with this process. */
async function createKeys(): Promise<Keys> {
  const signing = await signingKeyFromSeed(randomBytes(KEY_BYTES));
  const ring: Keyring = {
    signing,
    published: () => [],
    findVerifier: () => signing.verify,
    pepper: newKeySet(),
    refresh: newKeySet(),
    data: newKeySet(),
    code: newKeySet(),
  };
  return {
    ring: async () => ring,
    latest: async () => ring,
    having: async (kind) => ring[kind],
    published: async () => [],
    invalidate: () => undefined,
    ageMs: () => 0,
  };
}

function newKeySet(): KeySet {
  const active = { kid: 'static', secret: randomBytes(KEY_BYTES) };
  return { active, byKid: new Map([[active.kid, active.secret]]) };
}

/** Nothing on the way of a plain registration comes here; what does is a mistake and answers 503. */
function refuse(): never {
  throw new AppError('unavailable');
}

const NO_DATABASE: Db = {
  query: refuse,
  execute: refuse,
  transaction: refuse,
  prisma: refuse,
  listen: refuse,
  stats: () => ({ total: 0, idle: 0, waiting: 0 }),
  close: async () => undefined,
};
