import type { OpenApiInfo } from './kernel/openapi.ts';

/** What the OpenAPI document says of the product as a whole. */
export const OPENAPI_INFO: Omit<OpenApiInfo, 'version'> = {
  title: 'authctl',
  description: 'Accounts, sign-in, sessions and tokens. Errors are RFC 9457 problem documents.',
  tags: {
    registration: 'New accounts.',
    'sign-in': 'From an address and a password to a session: each answer says which step is next.',
    recovery: 'A forgotten password: a mailed code, then a new password.',
    sessions: 'Refreshing, ending and listing sessions; the keys that verify access tokens.',
    account: 'What its owner reads and changes.',
    'two-factor': 'TOTP and recovery codes of the account.',
    health: 'For load balancers.',
  },
};

/** The same of the management listener. */
export const MANAGEMENT_OPENAPI_INFO: Omit<OpenApiInfo, 'version'> = {
  title: 'authctl management',
  description: 'For operators and proxies; errors are RFC 9457 problem documents.',
  tags: {
    users: 'Accounts, as operators see and change them.',
    sessions: 'Where a user is signed in, and ending that.',
    domains: 'Whose addresses may register.',
    keys: 'Signing keys, and the secrets that protect what is stored.',
    audit: 'Who did what, and when.',
    tokens: 'Checking access tokens: introspection (RFC 7662) and forward-auth for proxies.',
    operations: 'Queues, profiles, and whose token it is.',
    health: 'For orchestrators and Prometheus.',
  },
};
