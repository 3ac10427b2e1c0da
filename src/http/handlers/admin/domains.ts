import { adminRoute, operatorsWith } from '../../admin-route.ts';
import { strictObject } from '../../kernel/schema.ts';
import { Type } from '../../kernel/typebox.ts';
import { AdminDomain, AdminDomainList, Verification } from '../../schemas/admin.ts';

const TAGS = ['domains'] as const;
const Name = Type.String({ maxLength: 253, description: 'Like `example.com`.' });
const ByName = strictObject({ name: Name });

export const listDomains = adminRoute({
  method: 'get',
  path: '/admin/v1/domains',
  operation: 'listDomains',
  summary: 'List the e-mail domains',
  tags: TAGS,
  ...operatorsWith('domains:read'),
  responses: { 200: AdminDomainList },
  handler: async (_, { domains }) => ({
    status: 200,
    body: { domains: await domains.list() },
  }),
});

export const addDomain = adminRoute({
  method: 'post',
  path: '/admin/v1/domains',
  operation: 'addDomain',
  summary: 'Add an e-mail domain',
  description: 'Pending until its TXT record is seen, unless you vouch for it with `trust`.',
  tags: TAGS,
  ...operatorsWith('domains:write'),
  body: strictObject({
    name: Name,
    trust: Type.Optional(Type.Boolean()),
    verification: Type.Optional(Verification),
  }),
  example: { name: 'example.com' },
  responses: { 201: AdminDomain },
  errors: ['conflict'],
  handler: async ({ body, principal: { actor } }, { domains }) => ({
    status: 201,
    body: await domains.add(actor, body),
  }),
});

export const changeDomain = adminRoute({
  method: 'patch',
  path: '/admin/v1/domains/{name}',
  operation: 'changeDomain',
  summary: 'Change the policy of a domain',
  description: 'Running nodes follow within a second.',
  tags: TAGS,
  ...operatorsWith('domains:write'),
  params: ByName,
  body: strictObject({ verification: Verification }),
  responses: { 200: AdminDomain },
  handler: async ({ params, body, principal: { actor } }, { domains }) => ({
    status: 200,
    body: await domains.set(actor, params.name, body.verification),
  }),
});

export const verifyDomain = adminRoute({
  method: 'post',
  path: '/admin/v1/domains/{name}/verify',
  operation: 'verifyDomain',
  summary: 'Look for the TXT record of a domain',
  tags: TAGS,
  ...operatorsWith('domains:write'),
  params: ByName,
  responses: { 200: AdminDomain },
  errors: ['conflict'],
  handler: async ({ params, principal: { actor } }, { domains }) => ({
    status: 200,
    body: await domains.verify(actor, params.name),
  }),
});

export const removeDomain = adminRoute({
  method: 'delete',
  path: '/admin/v1/domains/{name}',
  operation: 'removeDomain',
  summary: 'Remove a domain: no new registrations; its accounts stay',
  tags: TAGS,
  ...operatorsWith('domains:write'),
  params: ByName,
  responses: { 204: null },
  async handler({ params, principal: { actor } }, { domains }) {
    await domains.remove(actor, params.name);
    return { status: 204 };
  },
});
