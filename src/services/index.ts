import type { Config } from '../../config/index.ts';
import type { Argon2Params } from '../crypto/argon2/engine.ts';
import type { Forge } from '../crypto/forge.ts';
import type { Db } from '../db/database.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Tracer } from '../lib/tracer.ts';
import { createChangeAccount } from './account/change.ts';
import { createReauthenticate } from './account/reauthenticate.ts';
import type { DomainDirectory } from './domain/directory.ts';
import type { Events } from './event/events.ts';
import { createFlowDrafts } from './flow/draft.ts';
import { createCodeFlows } from './flow/mail-code.ts';
import { createFlowRedeemer } from './flow/redeem.ts';
import { createVerify } from './flow/verify.ts';
import type { Keys } from './key/keyring.ts';
import type { Limits } from './limit/limits.ts';
import type { MailBudget } from './limit/mail-budget.ts';
import { createLogin } from './login/login.ts';
import { createNextStep } from './login/next-step.ts';
import { createTakeSignInNotice } from './login/sign-in-notice.ts';
import type { MailQueue } from './mail/draft.ts';
import { createChangePassword } from './password/change.ts';
import { createForgot } from './password/forgot.ts';
import { createReset } from './password/reset.ts';
import { createPasswordTools } from './password/tools.ts';
import { type BatchMetrics, createRegistrationBatch } from './registration/batch.ts';
import { createConflicts } from './registration/conflicts.ts';
import { createRegistrationDrafts } from './registration/draft.ts';
import { createIdempotency } from './registration/idempotency.ts';
import { findMissingIdentity, identityPolicyOf } from './registration/identity.ts';
import { createRegister } from './registration/register.ts';
import { createAuthenticator } from './session/authenticate.ts';
import { createSessionIssuer } from './session/issue.ts';
import { sessionLifetimeOf } from './session/lifetime.ts';
import { createRefresh } from './session/refresh.ts';
import { createSessions } from './session/sessions.ts';
import { createEnrolment } from './two-factor/enrolment.ts';
import { createFactors } from './two-factor/factor.ts';
import { createTwoFactorSignIn } from './two-factor/sign-in.ts';
import { createUserAdmin } from './user/admin.ts';
import { createChangeEmail } from './user/change-email.ts';
import { createDeleteAccount } from './user/delete.ts';
import { createExportAccount } from './user/export.ts';
import { createUpdateProfile } from './user/profile.ts';
import type { Wake } from './wake.ts';

export interface ServicesDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly db: Db;
  readonly keys: Keys;
  readonly issuer: string;
  readonly directory: DomainDirectory;
  readonly events: Events;
  readonly mails: MailQueue;
  readonly forge: Forge;
  readonly params: Argon2Params;
  readonly limits: Limits;
  readonly mailBudget: MailBudget;
  /** Tells workers that pending hashes or mails were committed. */
  readonly wake: { readonly hash: Wake; readonly mail: Wake };
  readonly metrics: BatchMetrics;
  readonly tracer?: Tracer | undefined;
}

export type Services = ReturnType<typeof createServices>;

/** The only place where services meet: each is handed what it needs, and nothing reaches sideways. */
export function createServices(deps: ServicesDeps) {
  const { config, clock, db, keys, directory: domains, events, tracer } = deps;
  const { limits, mailBudget, mails } = deps;
  const wakeMail = deps.wake.mail;
  const identities = identityPolicyOf(config);
  const policy = {
    issuer: deps.issuer,
    audience: config.audience,
    accessTtlMs: config.access.ttlMs,
    lifetime: sessionLifetimeOf(config),
  };

  const tools = createPasswordTools(deps);
  const { passwords, credentials, verifier } = tools;
  const flows = createFlowDrafts({ clock, keys });
  const issuer = createSessionIssuer({ clock, keys, policy });
  const stateMaxAgeMs = config.session.cacheMs;
  const authenticator = createAuthenticator({ db, clock, keys, ...policy, stateMaxAgeMs, tracer });
  const forgetSession = authenticator.forget;
  const changeAccount = createChangeAccount({ ...deps, wakeMail, forgetSession });
  const codeFlows = createCodeFlows({ flows, mails });
  const takeSignInNotice = createTakeSignInNotice({
    db,
    clock,
    mails,
    mailBudget,
    which: config.mail.signInNotice,
    knownForMs: config.login.knownNetworkTtlMs,
  });
  const nextStep = createNextStep({
    db,
    clock,
    domains,
    identities,
    flows,
    codeFlows,
    mailBudget,
    sessions: issuer,
    takeSignInNotice,
    changeAccount,
    events,
    wakeMail,
    log: deps.log,
  });
  const redeemer = createFlowRedeemer({ db, clock, keys });
  const factors = createFactors({ db, clock, keys });
  const reauthenticate = createReauthenticate({ db, clock, verifier, factors, limits });
  const account = { ...deps, changeAccount, reauthenticate, redeemer, codeFlows };
  const batch = createRegistrationBatch({
    db,
    clock,
    metrics: deps.metrics,
    wake: deps.wake,
    batchSize: config.registration.batchSize,
    maxWaiting: config.registration.queue,
    maxWaitMs: config.registration.maxWaitMs,
    tracer,
  });

  return {
    keys,
    authenticator,
    findMissingIdentity: (input: { email?: unknown; username?: unknown }) =>
      findMissingIdentity(input, identities),
    register: createRegister({
      identities,
      domains,
      limits,
      passwords,
      idempotency: createIdempotency({ db, clock, keys }),
      drafts: createRegistrationDrafts({
        clock,
        autoLogin: config.registration.autoLogin,
        credentials,
        flows,
        mails,
        mailBudget,
        sessions: issuer,
        events,
      }),
      batch,
      conflicts: createConflicts(db),
    }),
    login: createLogin({ db, clock, verifier, limits, nextStep }),
    refresh: createRefresh({
      db,
      clock,
      keys,
      issuer,
      events,
      graceMs: config.refresh.graceMs,
      perMinute: config.limits === 'on' ? config.refresh.rate : null,
      lifetime: policy.lifetime,
      tracer,
    }),
    sessions: createSessions({ db, clock, changeAccount }),
    verify: createVerify({ ...account, identities, nextStep, wakeMail }),
    twoFactorSignIn: createTwoFactorSignIn({ ...account, factors, nextStep, takeSignInNotice }),
    forgot: createForgot({ ...account, identities, flows, wakeMail }),
    reset: createReset({ ...account, ...tools }),
    changePassword: createChangePassword({ ...account, ...tools }),
    changeEmail: createChangeEmail({ ...account, domains, identities }),
    updateProfile: createUpdateProfile({ ...account, identities }),
    deleteAccount: createDeleteAccount(account),
    exportAccount: createExportAccount({ db, clock }),
    enrolment: createEnrolment({ ...account, flows, product: config.product }),
    users: createUserAdmin({
      ...account,
      identities,
      domains,
      passwordTools: async () => tools,
      forgetSession,
    }),
    batchStats: batch.stats,
    /** Answers what was accepted; the listeners have closed before. */
    async drain(): Promise<void> {
      await batch.drain();
      await authenticator.drain();
      await verifier.drain();
    },
  };
}
