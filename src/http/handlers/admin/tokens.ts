import { AppError } from '../../../errors.ts';
import type { Authenticator, Principal } from '../../../services/session/authenticate.ts';
import { type AdminServices, adminRoute, operatorsWith } from '../../admin-route.ts';
import type { Method, Route } from '../../kernel/route.ts';
import { strictObject } from '../../kernel/schema.ts';
import { Type } from '../../kernel/typebox.ts';
import { ForwardAuth, Introspection } from '../../schemas/admin.ts';

const TAGS = ['tokens'] as const;
const FORWARD_AUTH_PATH = '/admin/v1/forward-auth';

export const introspect = adminRoute({
  method: 'post',
  path: '/admin/v1/introspect',
  operation: 'introspectToken',
  summary: 'Whether an access token is good right now',
  description:
    'As RFC 7662 has it, in JSON: signature, expiry, session and user are looked at; anything but a ' +
    'good access token is `{"active": false}`.',
  tags: TAGS,
  ...operatorsWith('introspect'),
  body: strictObject({ token: Type.String() }),
  responses: { 200: Introspection },
  async handler({ body }, { authenticator }) {
    const principal = await findPrincipal(authenticator, body.token);
    return { status: 200, body: principal ? describe(principal) : { active: false as const } };
  },
});

/**
 * For a proxy that asks before it passes a request on. What it presents is the user's own bearer
 * token: whoever holds that learns nothing new here, so no operator's token is asked for.
 */
export const forwardAuth = forwardAuthRoute('get', FORWARD_AUTH_PATH);

/**
 * nginx and Traefik ask by GET at one path; Envoy repeats the method and path of the request. OPTIONS is
 * one of them: answered as elsewhere, without asking who it is, it would read as a yes.
 */
export const forwardAuthVariants: readonly Route<AdminServices>[] = (
  ['get', 'post', 'put', 'patch', 'delete', 'options'] as const
).flatMap((method) => [
  ...(method === 'get' ? [] : [forwardAuthRoute(method, FORWARD_AUTH_PATH)]),
  forwardAuthRoute(method, `${FORWARD_AUTH_PATH}/`),
  forwardAuthRoute(method, `${FORWARD_AUTH_PATH}/{path*}`),
]);

function forwardAuthRoute(method: Method, path: `/${string}`): Route<AdminServices> {
  return adminRoute({
    method,
    path,
    operation: 'forwardAuth',
    summary: 'Check the bearer token of a request, for a proxy',
    description:
      '200 with `X-User-Id`, `X-Session-Id`, `X-Role` and `X-Token-Id` to pass on, or 401.',
    tags: TAGS,
    auth: 'bearer',
    anyQuery: true,
    responses: { 200: ForwardAuth },
    answerHeaders: {
      'X-User-Id': 'The id of the user.',
      'X-Session-Id': 'The id of the session.',
      'X-Role': 'The role, as the token has it.',
      'X-Token-Id': 'The `jti` of the token.',
    },
    handler({ principal: { userId, sessionId, claims } }) {
      return {
        status: 200,
        body: { user_id: userId, session_id: sessionId, role: claims.role },
        headers: {
          'X-User-Id': userId,
          'X-Session-Id': sessionId,
          'X-Role': claims.role,
          'X-Token-Id': claims.tokenId,
        },
      };
    },
  });
}

async function findPrincipal(
  authenticator: Authenticator,
  token: string,
): Promise<Principal | null> {
  try {
    return await authenticator.authenticate(token);
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_token') return null;
    throw error;
  }
}

function describe({ claims }: Principal) {
  const { audience } = claims;
  return {
    active: true as const,
    token_type: 'Bearer' as const,
    sub: claims.subject,
    sid: claims.sessionId,
    jti: claims.tokenId,
    role: claims.role,
    amr: [...claims.amr],
    iss: claims.issuer,
    ...(audience === undefined ? {} : { aud: audience }),
    iat: claims.issuedAt.getTime() / 1_000,
    exp: claims.expiresAt.getTime() / 1_000,
  };
}
