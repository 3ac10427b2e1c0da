/** What a flow token is good for; a token of one purpose opens nothing else. */
export type FlowPurpose =
  | 'verify'
  | 'two_factor'
  | 'forgot'
  | 'reset'
  | 'email_change'
  | 'totp_setup';

/** Which step a verification was started by. */
export type FlowOrigin = 'register' | 'login' | 'forgot';

/** Five minutes, or ten where a mailed code is awaited. */
export const FLOW_TTL_MS: Readonly<Record<FlowPurpose, number>> = {
  verify: 600_000,
  two_factor: 300_000,
  forgot: 600_000,
  reset: 300_000,
  email_change: 600_000,
  totp_setup: 300_000,
};

/** Tries per flow: any string counts, then the flow is dead. */
export const FLOW_TRIES = 5;
