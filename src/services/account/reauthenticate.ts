import { type Db, type Queryable, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { CredentialVerifier } from '../credential/verify.ts';
import type { Limits } from '../limit/limits.ts';
import { settleAttempt } from '../limit/settle-attempt.ts';
import { checkMaximumLength } from '../password/policy.ts';
import type { Factors, PresentedFactor, ProvedFactor } from '../two-factor/factor.ts';
import { lockUser } from '../user/lock.ts';
import { USER_COLUMNS, type UserColumns } from '../user/view.ts';
import { type Account, findAccountById } from './find.ts';

export interface ReauthenticateDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly verifier: CredentialVerifier;
  readonly factors: Factors;
  readonly limits: Limits;
}

export interface Proof {
  readonly account: Account;
  /**
   * Begins the change that the proof allows, in its transaction: locks the user, makes sure that
   * password, status and factors are still those that were proved, and uses the factor up.
   * @returns the user as they are now
   * @throws AppError `conflict` when they have changed; `invalid_code` when another caller has just
   *   used the factor
   */
  use(tx: Queryable): Promise<UserColumns>;
}

// Whoever proved an old password must not act after a new one has been set.
const REREAD = statement(
  'users.reread_proved',
  `SELECT ${USER_COLUMNS} FROM users AS u
   WHERE u.id = $1 AND u.security_version = $2 AND u.status = 'active'`,
);

export type Reauthenticate = ReturnType<typeof createReauthenticate>;

/**
 * Proves again who asks, before something that a stolen session must not be able to do: the password
 * and, where two-factor is on, a factor. All such checks share one budget per user.
 * @throws AppError `invalid_credentials`, `two_factor_required`, `invalid_code`, `rate_limited`,
 *   `overloaded`
 */
export function createReauthenticate(deps: ReauthenticateDeps) {
  const { db, clock, verifier, factors, limits } = deps;

  return async function reauthenticate(
    userId: string,
    presented: { password: string; pointer: string } & PresentedFactor,
    client: ClientInfo,
  ): Promise<Proof> {
    checkMaximumLength(presented.password, presented.pointer);
    const attempt = await limits.beginFactor(userId);
    const check = () => prove(userId, presented);
    return settleAttempt(attempt, check, () => auditFailure(userId, client));
  };

  async function prove(
    userId: string,
    presented: { password: string } & PresentedFactor,
  ): Promise<Proof> {
    const account = await findAccountById(db, userId);
    const isRight = await verifier.verify(account?.credential ?? null, presented.password);
    if (!account || !isRight) throw new AppError('invalid_credentials');
    const factor = account.user.two_factor_enabled ? await proveFactor(userId, presented) : null;
    return {
      account,
      async use(tx) {
        await lockUser(tx, userId);
        const user = (
          await tx.query<UserColumns>(REREAD, [userId, account.user.security_version])
        )[0];
        if (!user) throw new AppError('conflict');
        await factor?.consume(tx);
        return user;
      },
    };
  }

  async function proveFactor(userId: string, presented: PresentedFactor): Promise<ProvedFactor> {
    if (presented.code === undefined && presented.recovery_code === undefined)
      throw new AppError('two_factor_required');
    return factors.prove(userId, presented);
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
