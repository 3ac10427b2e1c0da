import { presentUser } from '../../services/user/view.ts';
import { etagOf, readIfMatch } from '../etag.ts';
import { nullable, strictObject } from '../kernel/schema.ts';
import { Type } from '../kernel/typebox.ts';
import { route } from '../route.ts';
import { AccountExport, CodeSent, User } from '../schemas/answers.ts';
import {
  Email,
  FlowToken,
  MailedCode,
  NewPassword,
  Password,
  Phone,
  Username,
} from '../schemas/fields.ts';
import { expectAnswer } from './expect-answer.ts';
import { REAUTHENTICATION_ERRORS, withFactor } from './reauthentication.ts';

export const me = route({
  method: 'get',
  path: '/v1/me',
  operation: 'getMe',
  summary: 'The signed-in user',
  tags: ['account'],
  auth: 'bearer',
  versioned: true,
  responses: { 200: User },
  handler: ({ principal: { user } }) => ({
    status: 200,
    body: presentUser(user),
    headers: { ETag: etagOf(user.version) },
  }),
});

export const updateMe = route({
  method: 'patch',
  path: '/v1/me',
  operation: 'updateMe',
  summary: 'Change username or phone',
  description: 'null removes a field. With `If-Match`, only the version that was read is changed.',
  tags: ['account'],
  auth: 'bearer',
  conditional: true,
  body: strictObject({
    username: Type.Optional(nullable(Username)),
    phone: Type.Optional(nullable(Phone)),
  }),
  example: { username: 'ada' },
  versioned: true,
  responses: { 200: User },
  errors: ['validation_failed', 'username_taken', 'precondition_failed'],
  async handler({ principal, body, headers, client }, { updateProfile }) {
    const expected = readIfMatch(headers['if-match']);
    const { user, version } = await updateProfile(principal, body, expected, client);
    return { status: 200, body: user, headers: { ETag: etagOf(version) } };
  },
});

export const deleteMe = route({
  method: 'delete',
  path: '/v1/me',
  operation: 'deleteMe',
  summary: 'Delete this account',
  description: 'For good, and at once: everything that is held about the user but the audit.',
  tags: ['account'],
  auth: 'bearer',
  hashing: true,
  body: withFactor({ password: Password }),
  responses: { 204: null },
  errors: REAUTHENTICATION_ERRORS,
  async handler({ principal, body, client }, { deleteAccount }) {
    await deleteAccount(principal, body, client);
    return { status: 204 };
  },
});

export const exportMe = route({
  method: 'get',
  path: '/v1/me/export',
  operation: 'exportMe',
  summary: 'What is held about the signed-in user',
  description: 'All of it, but of each kind of record the newest 5,000 at most.',
  tags: ['account'],
  auth: 'bearer',
  responses: { 200: AccountExport },
  handler: async ({ principal, client }, { exportAccount }) => ({
    status: 200,
    body: await exportAccount(principal.userId, client),
  }),
});

export const changePassword = route({
  method: 'post',
  path: '/v1/me/password',
  operation: 'changePassword',
  summary: 'Change the password',
  description: 'This session stays; all others end.',
  tags: ['account'],
  auth: 'bearer',
  hashing: true,
  body: withFactor({ current_password: Password, new_password: NewPassword }),
  responses: { 204: null },
  errors: [
    ...REAUTHENTICATION_ERRORS,
    'validation_failed',
    'password_too_weak',
    'password_breached',
    'password_reused',
  ],
  async handler({ principal, body, client }, { changePassword }) {
    await changePassword(principal, body, client);
    return { status: 204 };
  },
});

export const changeEmail = route({
  method: 'post',
  path: '/v1/me/email',
  operation: 'changeEmail',
  summary: 'Ask for another e-mail address',
  description: 'Nothing changes until the new mailbox proves its code.',
  tags: ['account'],
  auth: 'bearer',
  hashing: true,
  bucketed: [202],
  body: withFactor({ new_email: Email, password: Password }),
  responses: { 202: CodeSent },
  errors: [...REAUTHENTICATION_ERRORS, 'validation_failed', 'domain_not_allowed'],
  handler: async ({ principal, body, client }, { changeEmail }) => ({
    status: 202,
    body: expectAnswer(await changeEmail.request(principal, body, client), 'code_sent'),
  }),
});

export const verifyEmailChange = route({
  method: 'post',
  path: '/v1/me/email/verify',
  operation: 'verifyEmailChange',
  summary: 'Prove the new mailbox and change the address',
  tags: ['account'],
  auth: 'bearer',
  body: strictObject({ flow_token: FlowToken, code: MailedCode }),
  versioned: true,
  responses: { 200: User },
  errors: ['flow_expired', 'invalid_code', 'domain_not_allowed', 'email_taken'],
  async handler({ principal, body, client }, { changeEmail }) {
    const { user, version } = await changeEmail.verify(principal, body, client);
    return { status: 200, body: user, headers: { ETag: etagOf(version) } };
  },
});
