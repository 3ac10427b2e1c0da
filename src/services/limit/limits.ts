import type { ClientInfo } from '../client-info.ts';

/**
 * One guess at a secret, counted before it is checked: any number of parallel guesses therefore
 * cannot exceed a limit. It is settled once, by what the check found.
 */
export interface Attempt {
  /** The guess was right: a pair's failures are forgotten, other budgets get this one back. */
  succeed(): Promise<void>;
  /** The guess was wrong: it stays counted. */
  fail(): Promise<void>;
  /** The guess was never checked (overload, a fault): it is given back. */
  release(): Promise<void>;
}

/** The limiter's layers (see `docs/limits.md`). Every `begin…` throws `rate_limited` when used up. */
export interface Limits {
  /**
   * Layer 1 of sign-in: identifier and client network, and the wider budget per identifier, which
   * does not apply to networks the account has signed in from.
   * @param identifier as it is looked up, canonical
   */
  beginLogin(identifier: string, client: ClientInfo): Promise<Attempt>;
  /** Layer 1 of forgot-password: requests for one address from one network. */
  takeForgot(identifier: string, client: ClientInfo): Promise<void>;
  /** Layer 1 of a flow's routes other than its code: calls with one flow token. */
  takeFlow(flowDigest: Buffer): Promise<void>;
  /** Layer 2: wrong factors and failed re-authentications of one user, across sessions and flows. */
  beginFactor(userId: string): Promise<Attempt>;
}
