import type { Hasher } from '../../crypto/forge.ts';
import type { Db } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { type Account, findAccount, parseIdentifier } from '../account/find.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { CredentialVerifier } from '../credential/verify.ts';
import type { FlowAnswer } from '../flow/answers.ts';
import type { Limits } from '../limit/limits.ts';
import { settleAttempt } from '../limit/settle-attempt.ts';
import { checkMaximumLength } from '../password/policy.ts';
import type { NextStep } from './next-step.ts';

export interface LoginInput {
  readonly email?: string | undefined;
  readonly username?: string | undefined;
  readonly password: string;
  readonly device_name?: string | undefined;
}

export interface LoginDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly verifier: CredentialVerifier;
  readonly limits: Limits;
  readonly nextStep: NextStep;
}

/**
 * Signs in with a password. Whatever is wrong with the identifier, the password or the account, a
 * stranger gets the same answer after the same work; the account's state shows only behind the
 * right password.
 * @throws AppError `invalid_credentials`, `account_unavailable`, `rate_limited`, `overloaded`,
 *   `validation_failed` (a password longer than any can be)
 */
export function createLogin(deps: LoginDeps) {
  const { db, clock, verifier, limits, nextStep } = deps;

  return async function login(input: LoginInput, client: ClientInfo): Promise<FlowAnswer> {
    checkMaximumLength(input.password, '/password');
    // In a crowd most are refused: they must cost neither a count nor a look-up, known or unknown.
    const reservation = verifier.reserve();
    const account = await findRightful(input, client, reservation).finally(reservation.release);
    return nextStep.afterPassword(account.user, {
      amr: ['pwd'],
      deviceName: input.device_name ?? null,
      client,
    });
  };

  /**
   * The account whose password this is.
   * @throws AppError `invalid_credentials`, after the same work, where it is nobody's
   */
  async function findRightful(
    input: LoginInput,
    client: ClientInfo,
    hasher: Hasher,
  ): Promise<Account> {
    const who = parseIdentifier(input);
    const attempt = await limits.beginLogin(who?.value ?? '', client);
    let found: Account | null = null;
    async function check(): Promise<Account> {
      found = who && (await findAccount(db, who));
      const isRight = await verifier.verify(found?.credential ?? null, input.password, hasher);
      if (!found || !isRight) throw new AppError('invalid_credentials');
      return found;
    }
    return settleAttempt(attempt, check, () => auditFailure(client, found?.user.id));
  }

  /** Of an account by its id. What was typed is not recorded: it may be a password, a line too early. */
  async function auditFailure(client: ClientInfo, userId: string | undefined): Promise<void> {
    await recordAudit(db, {
      at: clock.now(),
      action: 'login.failed',
      actor: clientActor(client),
      result: 'refused',
      userId,
    });
  }
}
