import { adminRoute, operatorsWith } from '../../admin-route.ts';
import { etagOf, readIfMatch } from '../../etag.ts';
import { nullable, strictObject } from '../../kernel/schema.ts';
import { Type } from '../../kernel/typebox.ts';
import {
  AdminUser,
  AdminUserList,
  CreatedUser,
  Cursor,
  DateTime,
  DEFAULT_PAGE_LIMIT,
  PageLimit,
  PasswordSet,
  Role,
  SessionsEnded,
} from '../../schemas/admin.ts';
import { Email, NewPassword, Phone, Username, UserStatus, Uuid } from '../../schemas/fields.ts';
import { readTime } from './read-time.ts';

const ById = strictObject({ id: Uuid });
const TAGS = ['users'] as const;

export const listUsers = adminRoute({
  method: 'get',
  path: '/admin/v1/users',
  operation: 'listUsers',
  summary: 'List users, the newest first',
  description: 'Every filter that is given must hold. Follow `next_cursor` until it is null.',
  tags: TAGS,
  ...operatorsWith('users:read'),
  query: strictObject({
    status: Type.Optional(UserStatus),
    role: Type.Optional(Role),
    email: Type.Optional(Email),
    email_prefix: Type.Optional(Type.String({ minLength: 1, maxLength: 320 })),
    username: Type.Optional(Username),
    search: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 320,
        description: 'A part of the address, username or phone number, in any case.',
      }),
    ),
    two_factor: Type.Optional(Type.Boolean()),
    created_since: Type.Optional(DateTime),
    created_until: Type.Optional(DateTime),
    cursor: Type.Optional(Cursor),
    limit: Type.Optional(PageLimit),
  }),
  responses: { 200: AdminUserList },
  async handler({ query }, { users }) {
    const { email_prefix, two_factor, created_since, created_until, ...rest } = query;
    const { cursor, limit = DEFAULT_PAGE_LIMIT, ...filter } = rest;
    const page = await users.list(
      {
        ...filter,
        emailPrefix: email_prefix,
        twoFactor: two_factor,
        createdSince: readTime(created_since, '/query/created_since'),
        createdUntil: readTime(created_until, '/query/created_until'),
      },
      { cursor, limit },
    );
    return { status: 200, body: page };
  },
});

export const createUser = adminRoute({
  method: 'post',
  path: '/admin/v1/users',
  operation: 'createUser',
  summary: 'Create a user',
  description:
    'Active at once; the domain must be verified. Without `email_verified` the user proves the ' +
    'mailbox at the first sign-in, where the domain asks for it.',
  tags: TAGS,
  ...operatorsWith('users:write'),
  hashing: true,
  body: strictObject({
    email: Type.Optional(Email),
    username: Type.Optional(Username),
    phone: Type.Optional(Phone),
    password: Type.Optional(NewPassword),
    role: Type.Optional(Role),
    email_verified: Type.Optional(Type.Boolean()),
  }),
  example: { email: 'ada@example.com', email_verified: true },
  versioned: true,
  answerHeaders: { Location: 'The path of the new user.' },
  responses: { 201: CreatedUser },
  errors: [
    'domain_not_allowed',
    'email_taken',
    'username_taken',
    'password_too_weak',
    'password_breached',
  ],
  async handler({ body, principal: { actor } }, { users }) {
    const { email_verified: emailVerified, ...input } = body;
    const created = await users.create(actor, { ...input, emailVerified });
    const user = await users.get(created.userId);
    return {
      status: 201,
      body: { user, generated_password: created.generatedPassword },
      headers: { ETag: etagOf(user.version), Location: `/admin/v1/users/${user.id}` },
    };
  },
});

export const getUser = adminRoute({
  method: 'get',
  path: '/admin/v1/users/{id}',
  operation: 'getUser',
  summary: 'One user',
  tags: TAGS,
  ...operatorsWith('users:read'),
  params: ById,
  versioned: true,
  responses: { 200: AdminUser },
  async handler({ params }, { users }) {
    const user = await users.get(params.id);
    return { status: 200, body: user, headers: { ETag: etagOf(user.version) } };
  },
});

export const changeUser = adminRoute({
  method: 'patch',
  path: '/admin/v1/users/{id}',
  operation: 'changeUser',
  summary: 'Change status, role or username',
  description:
    'A change of status or role ends the sessions of the user: their tokens are refused on every ' +
    'node within a second. `active` lifts a lock: an account that never proved its mailbox is ' +
    '`pending` again, as the answer says.',
  tags: TAGS,
  ...operatorsWith('users:write'),
  conditional: true,
  params: ById,
  body: strictObject({
    status: Type.Optional(Type.Enum(['active', 'locked', 'disabled'])),
    role: Type.Optional(Role),
    username: Type.Optional(nullable(Username)),
  }),
  example: { status: 'locked' },
  versioned: true,
  responses: { 200: AdminUser },
  errors: ['username_taken', 'conflict'],
  async handler({ params, body, headers, principal: { actor } }, { users }) {
    const versions = readIfMatch(headers['if-match']);
    await users.change(actor, params.id, body, { versions });
    const user = await users.get(params.id);
    return { status: 200, body: user, headers: { ETag: etagOf(user.version) } };
  },
});

export const deleteUser = adminRoute({
  method: 'delete',
  path: '/admin/v1/users/{id}',
  operation: 'deleteUser',
  summary: 'Delete a user and everything held about them',
  tags: TAGS,
  ...operatorsWith('users:write'),
  conditional: true,
  params: ById,
  responses: { 204: null },
  async handler({ params, headers, principal: { actor } }, { users }) {
    await users.remove(actor, params.id, readIfMatch(headers['if-match']));
    return { status: 204 };
  },
});

export const setPassword = adminRoute({
  method: 'put',
  path: '/admin/v1/users/{id}/password',
  operation: 'setUserPassword',
  summary: 'Set the password of a user',
  description: 'Without `password` one is drawn. All sessions end; the owner is told by mail.',
  tags: TAGS,
  ...operatorsWith('users:write'),
  hashing: true,
  params: ById,
  body: strictObject({ password: Type.Optional(NewPassword) }),
  responses: { 200: PasswordSet },
  errors: ['password_too_weak', 'password_breached', 'password_reused', 'conflict'],
  async handler({ params, body, principal: { actor } }, { users }) {
    const set = await users.setPassword(actor, params.id, body.password);
    return {
      status: 200,
      body: { generated_password: set.generatedPassword, sessions_ended: set.sessionsEnded },
    };
  },
});

export const resetTwoFactor = adminRoute({
  method: 'post',
  path: '/admin/v1/users/{id}/reset-two-factor',
  operation: 'resetUserTwoFactor',
  summary: 'Take the second factor of a user who lost it',
  description: 'All sessions end; the owner is told by mail.',
  tags: TAGS,
  ...operatorsWith('users:write'),
  params: ById,
  responses: { 200: SessionsEnded },
  errors: ['conflict'],
  handler: async ({ params, principal: { actor } }, { users }) => ({
    status: 200,
    body: { sessions_ended: await users.resetTwoFactor(actor, params.id) },
  }),
});
