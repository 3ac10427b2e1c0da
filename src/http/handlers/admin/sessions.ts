import { adminRoute, operatorsWith } from '../../admin-route.ts';
import { strictObject } from '../../kernel/schema.ts';
import { AdminSessionList, SessionsEnded } from '../../schemas/admin.ts';
import { Uuid } from '../../schemas/fields.ts';

const TAGS = ['sessions'] as const;

export const listUserSessions = adminRoute({
  method: 'get',
  path: '/admin/v1/users/{id}/sessions',
  operation: 'listUserSessions',
  summary: 'List the live sessions of a user',
  tags: TAGS,
  ...operatorsWith('users:read'),
  params: strictObject({ id: Uuid }),
  responses: { 200: AdminSessionList },
  async handler({ params }, { users }) {
    const { id } = await users.get(params.id);
    return { status: 200, body: { sessions: await users.sessions.list(id) } };
  },
});

export const endUserSessions = adminRoute({
  method: 'delete',
  path: '/admin/v1/users/{id}/sessions',
  operation: 'endUserSessions',
  summary: 'End all sessions of a user',
  tags: TAGS,
  ...operatorsWith('users:write'),
  params: strictObject({ id: Uuid }),
  responses: { 200: SessionsEnded },
  async handler({ params, principal: { actor } }, { users }) {
    const { id } = await users.get(params.id);
    return { status: 200, body: { sessions_ended: await users.sessions.endAll(actor, id) } };
  },
});

export const endUserSession = adminRoute({
  method: 'delete',
  path: '/admin/v1/users/{id}/sessions/{session_id}',
  operation: 'endUserSession',
  summary: 'End one session of a user',
  tags: TAGS,
  ...operatorsWith('users:write'),
  params: strictObject({ id: Uuid, session_id: Uuid }),
  responses: { 204: null },
  async handler({ params, principal: { actor } }, { users }) {
    await users.sessions.end(actor, params.id, params.session_id);
    return { status: 204 };
  },
});

export const endAllSessions = adminRoute({
  method: 'delete',
  path: '/admin/v1/sessions',
  operation: 'endAllSessions',
  summary: 'End every session of every user',
  tags: TAGS,
  ...operatorsWith('users:write'),
  responses: { 200: SessionsEnded },
  handler: async ({ principal: { actor } }, { users }) => ({
    status: 200,
    body: { sessions_ended: await users.sessions.endEveryone(actor) },
  }),
});
