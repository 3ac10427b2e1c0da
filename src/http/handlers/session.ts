import { strictObject, withExactlyOne } from '../kernel/schema.ts';
import { Type } from '../kernel/typebox.ts';
import { route } from '../route.ts';
import {
  Authenticated,
  SessionList,
  TokensAnswer,
  TwoFactorRequired,
  VerificationRequired,
} from '../schemas/answers.ts';
import {
  DeviceName,
  Email,
  Password,
  RefreshTokenText,
  Username,
  Uuid,
} from '../schemas/fields.ts';
import { expectAnswer } from './expect-answer.ts';

export const login = route({
  method: 'post',
  path: '/v1/login',
  operation: 'login',
  summary: 'Sign in with a password',
  description:
    'What else is needed shows only behind the right password: a mailed code, a second factor, or nothing.',
  tags: ['sign-in'],
  auth: 'none',
  hashing: true,
  bucketed: [401],
  body: withExactlyOne(
    strictObject({
      email: Type.Optional(Email),
      username: Type.Optional(Username),
      password: Password,
      device_name: Type.Optional(DeviceName),
    }),
    'email',
    'username',
  ),
  example: { email: 'ada@example.com', password: 'a long sentence nobody knows' },
  responses: { 200: Type.Union([Authenticated, VerificationRequired, TwoFactorRequired]) },
  errors: ['invalid_credentials', 'account_unavailable', 'rate_limited', 'overloaded'],
  handler: async ({ body, client }, { login }) => ({
    status: 200,
    body: expectAnswer(
      await login(body, client),
      'authenticated',
      'verification_required',
      'two_factor_required',
    ),
  }),
});

export const refresh = route({
  method: 'post',
  path: '/v1/token/refresh',
  operation: 'refreshTokens',
  summary: 'Exchange a refresh token for new tokens',
  description:
    'Each refresh token works once. A retry of the last one within the grace returns the same ' +
    'successor; an older one ends the session.',
  tags: ['sessions'],
  auth: 'none',
  body: strictObject({ refresh_token: RefreshTokenText }),
  responses: { 200: TokensAnswer },
  errors: ['invalid_refresh_token', 'rate_limited'],
  handler: async ({ body, client }, { refresh }) => ({
    status: 200,
    body: { tokens: await refresh(body.refresh_token, client) },
  }),
});

export const logout = route({
  method: 'post',
  path: '/v1/logout',
  operation: 'logout',
  summary: 'End this session',
  tags: ['sessions'],
  auth: 'bearer',
  responses: { 204: null },
  async handler({ principal, client }, { sessions }) {
    await sessions.logout(principal, client);
    return { status: 204 };
  },
});

export const logoutAll = route({
  method: 'post',
  path: '/v1/logout/all',
  operation: 'logoutAll',
  summary: 'End all sessions of this user',
  tags: ['sessions'],
  auth: 'bearer',
  responses: { 204: null },
  async handler({ principal, client }, { sessions }) {
    await sessions.logoutAll(principal, client);
    return { status: 204 };
  },
});

export const listSessions = route({
  method: 'get',
  path: '/v1/me/sessions',
  operation: 'listSessions',
  summary: 'List the devices that are signed in',
  tags: ['sessions'],
  auth: 'bearer',
  responses: { 200: SessionList },
  handler: async ({ principal }, { sessions }) => ({
    status: 200,
    body: { sessions: await sessions.list(principal.userId, principal.sessionId) },
  }),
});

export const endSession = route({
  method: 'delete',
  path: '/v1/me/sessions/{id}',
  operation: 'endSession',
  summary: 'End one session',
  tags: ['sessions'],
  auth: 'bearer',
  params: strictObject({ id: Uuid }),
  responses: { 204: null },
  errors: ['not_found'],
  async handler({ principal, params, client }, { sessions }) {
    await sessions.endOwn(principal, params.id, client);
    return { status: 204 };
  },
});
