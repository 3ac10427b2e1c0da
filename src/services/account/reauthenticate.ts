import type { Db, Queryable } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { CredentialVerifier } from '../credential/verify.ts';
import type { Limits } from '../limit/limits.ts';
import { settleAttempt } from '../limit/settle-attempt.ts';
import { type Account, findAccountById } from '../login/account.ts';
import { checkMaximumLength } from '../password/policy.ts';
import type { Factors, PresentedFactor } from '../two-factor/factor.ts';

export interface ReauthenticateDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly credentials: CredentialVerifier;
  readonly factors: Factors;
  readonly limits: Limits;
}

export interface Proof {
  readonly account: Account;
  /** Uses the factor up, in the transaction of the change it allows; nothing where none was needed. */
  consumeFactor(tx: Queryable): Promise<void>;
}

export type Reauthenticate = ReturnType<typeof createReauthenticate>;

/**
 * Proves again who asks, before something that a stolen session must not be able to do: the password
 * and, where two-factor is on, a factor. All such checks share one budget per user.
 * @throws AppError `invalid_credentials`, `two_factor_required`, `invalid_code`, `rate_limited`,
 *   `overloaded`
 */
export function createReauthenticate(deps: ReauthenticateDeps) {
  const { db, clock, credentials, factors, limits } = deps;

  return async function reauthenticate(
    userId: string,
    presented: { password: string; pointer: string } & PresentedFactor,
    client: ClientInfo,
  ): Promise<Proof> {
    checkMaximumLength(presented.password, presented.pointer);
    const attempt = await limits.beginFactor(userId);
    try {
      return await settleAttempt(attempt, () => prove(userId, presented));
    } catch (error) {
      if (error instanceof AppError && error.status === 401) await auditFailure(userId, client);
      throw error;
    }
  };

  async function prove(
    userId: string,
    presented: { password: string } & PresentedFactor,
  ): Promise<Proof> {
    const account = await findAccountById(db, userId);
    const isRight = await credentials.verify(account?.credential ?? null, presented.password);
    if (!account || !isRight) throw new AppError('invalid_credentials');
    if (!account.user.two_factor_enabled) return { account, consumeFactor: async () => undefined };
    if (presented.code === undefined && presented.recovery_code === undefined)
      throw new AppError('two_factor_required');
    const factor = await factors.prove(userId, presented);
    return { account, consumeFactor: factor.consume };
  }

  async function auditFailure(userId: string, client: ClientInfo): Promise<void> {
    await recordAudit(db, {
      at: clock.now(),
      action: 'reauthentication.failed',
      actor: clientActor(client, userId),
      result: 'refused',
      userId,
    });
  }
}
