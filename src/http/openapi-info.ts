import type { OpenApiInfo } from './kernel/openapi.ts';

/** What the OpenAPI document says of the product as a whole. */
export const OPENAPI_INFO: Omit<OpenApiInfo, 'version'> = {
  title: 'authctl',
  description: 'Accounts, sign-in, sessions and tokens. Errors are RFC 9457 problem documents.',
};
