import type { Account } from '../account/find.ts';
import type { CredentialCreator } from '../credential/create.ts';
import type { NewCredential } from '../credential/stored.ts';
import type { CredentialVerifier } from '../credential/verify.ts';
import type { PasswordHistory } from './history.ts';
import type { PasswordPolicy } from './policy.ts';

/** A new password that obeys every rule, hashed and not yet written. */
export interface PreparedPassword {
  /** The version of the credential it is to replace: what the history was checked against. */
  readonly version: number;
  readonly next: NewCredential;
  /** Former passwords to remember, the present one included. */
  readonly keep: number;
}

export interface PrepareDeps {
  readonly passwords: PasswordPolicy;
  readonly history: PasswordHistory;
  readonly credentials: CredentialCreator;
  readonly verifier: CredentialVerifier;
}

export type PreparePassword = ReturnType<typeof createPreparePassword>;

/** What a new password of an account takes, before the transaction that `replacePassword` is part of. */
export function createPreparePassword(deps: PrepareDeps) {
  const { passwords, history, credentials, verifier } = deps;

  /**
   * Policy, then history, then the hash that will be stored.
   * @param account as it is now
   * @param pointer the field that holds the password; `/password` unless told
   * @throws AppError `validation_failed`, `password_too_weak`, `password_breached`,
   *   `password_reused`, `overloaded`, `unavailable`
   */
  return async function preparePassword(
    { user, credential }: Account,
    password: string,
    pointer?: string,
  ): Promise<PreparedPassword> {
    await passwords.check(password, user, pointer);
    const current = await verifier.settle(credential);
    await history.check(current, password);
    const next = await credentials.final(user.id, password);
    return { version: current.version, next, keep: history.keep };
  };
}
