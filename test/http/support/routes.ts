import { Type } from 'typebox';
import { type RouteTypes, routeFor } from '../../../src/http/kernel/route.ts';
import { strictObject } from '../../../src/http/kernel/schema.ts';

export const route = routeFor<RouteTypes>();

const facts = { summary: 'A throw-away route', tags: ['test'], auth: 'none' } as const;

/** Sends back what it was sent: what arrives in a handler is what a test sees. */
export const echo = route({
  ...facts,
  method: 'post',
  path: '/v1/echo',
  body: strictObject({
    email: Type.String({ minLength: 3, maxLength: 254 }),
    password: Type.String({ minLength: 8, maxLength: 256 }),
    device_name: Type.Optional(Type.String({ maxLength: 100 })),
    age: Type.Optional(Type.Integer({ minimum: 0, maximum: 150 })),
    remember: Type.Optional(Type.Boolean()),
    phone: Type.Optional(Type.Union([Type.String({ pattern: '^\\+[0-9]{4,15}$' }), Type.Null()])),
    kind: Type.Optional(Type.Enum(['a', 'b'])),
    extra: Type.Optional(strictObject({ note: Type.String({ maxLength: 10 }) })),
  }),
  responses: { 200: Type.Object({ body: Type.Unknown() }, { additionalProperties: false }) },
  handler: ({ body }) => ({ status: 200, body: { body } }),
});

/** Declares no body. */
export const logout = route({
  ...facts,
  method: 'post',
  path: '/v1/logout',
  responses: { 204: null },
  handler: () => ({ status: 204 }),
});

/** A parameter and a query. */
export const item = route({
  ...facts,
  method: 'get',
  path: '/v1/items/{id}',
  params: strictObject({ id: Type.String({ pattern: '^[0-9]{1,9}$' }) }),
  query: strictObject({
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    deep: Type.Optional(Type.Boolean()),
    name: Type.Optional(Type.String({ maxLength: 20 })),
  }),
  responses: { 200: Type.Object({ id: Type.String(), query: Type.Unknown() }) },
  handler: ({ params, query }) => ({ status: 200, body: { id: params.id, query } }),
});

export const removeItem = route({
  ...facts,
  method: 'delete',
  path: '/v1/items/{id}',
  params: strictObject({ id: Type.String({ pattern: '^[0-9]{1,9}$' }) }),
  responses: { 204: null },
  handler: () => ({ status: 204 }),
});

/** Says who asked. */
export const whoami = route({
  ...facts,
  method: 'get',
  path: '/v1/whoami',
  responses: {
    200: Type.Object({
      ip: Type.String(),
      network: Type.String(),
      user_agent: Type.Union([Type.String(), Type.Null()]),
    }),
  },
  handler: ({ client }) => ({
    status: 200,
    body: { ip: client.ip, network: client.network, user_agent: client.userAgent },
  }),
});

/** A route whose handler throws whatever it is given. */
export function failing(path: `/${string}`, fail: () => never) {
  return route({ ...facts, method: 'get', path, responses: { 204: null }, handler: fail });
}
