import type { CredentialCreator } from '../credential/create.ts';
import type { CredentialVerifier } from '../credential/verify.ts';
import type { PasswordHistory } from './history.ts';
import type { PasswordPolicy } from './policy.ts';

/** What setting a password takes. Whoever is handed a way to get them opens the Forge only when needed. */
export interface PasswordTools {
  readonly passwords: PasswordPolicy;
  readonly history: PasswordHistory;
  readonly credentials: CredentialCreator;
  readonly verifier: CredentialVerifier;
}
