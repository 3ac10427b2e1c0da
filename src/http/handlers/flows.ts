import { strictObject, withExactlyOne } from '../kernel/schema.ts';
import { Type } from '../kernel/typebox.ts';
import { route } from '../route.ts';
import {
  Authenticated,
  CodeSent,
  PasswordReset,
  ResetAuthorized,
  TwoFactorRequired,
  VerificationRequired,
} from '../schemas/answers.ts';
import {
  AuthenticatorCode,
  Email,
  FlowToken,
  MailedCode,
  NewPassword,
  RecoveryCodeText,
} from '../schemas/fields.ts';
import { expectAnswer } from './expect-answer.ts';

const FlowAndCode = strictObject({ flow_token: FlowToken, code: MailedCode });

export const verify = route({
  method: 'post',
  path: '/v1/verify',
  operation: 'verify',
  summary: 'Prove the mailbox with the mailed code',
  description: 'Five tries per code; any string counts. The account is active afterwards.',
  tags: ['sign-in'],
  auth: 'none',
  bucketed: [401],
  body: FlowAndCode,
  example: { flow_token: 'ft_…', code: 'ABCD-2345' },
  responses: { 200: Type.Union([Authenticated, TwoFactorRequired]) },
  errors: ['flow_expired', 'invalid_code'],
  handler: async ({ body, client }, { verify }) => ({
    status: 200,
    body: expectAnswer(await verify.verify(body, client), 'authenticated', 'two_factor_required'),
  }),
});

export const resend = route({
  method: 'post',
  path: '/v1/verify/resend',
  operation: 'resendCode',
  summary: 'Send a new code',
  description:
    'Under a new flow token; the old token is dead, and so is the old code, unless the mailbox has had as many as it may: then that one stays.',
  tags: ['sign-in'],
  auth: 'none',
  bucketed: [200],
  body: strictObject({ flow_token: FlowToken }),
  responses: { 200: Type.Union([VerificationRequired, CodeSent]) },
  errors: ['flow_expired', 'rate_limited'],
  handler: async ({ body, client }, { verify }) => ({
    status: 200,
    body: expectAnswer(await verify.resend(body, client), 'verification_required', 'code_sent'),
  }),
});

export const twoFactor = route({
  method: 'post',
  path: '/v1/login/two-factor',
  operation: 'loginTwoFactor',
  summary: 'Sign in with the second factor',
  description: 'A `code` of the authenticator app, or a `recovery_code`.',
  tags: ['sign-in'],
  auth: 'none',
  body: withExactlyOne(
    strictObject({
      flow_token: FlowToken,
      code: Type.Optional(AuthenticatorCode),
      recovery_code: Type.Optional(RecoveryCodeText),
    }),
    'code',
    'recovery_code',
  ),
  example: { flow_token: 'ft_…', code: '123456' },
  responses: { 200: Authenticated },
  errors: ['flow_expired', 'invalid_code', 'rate_limited'],
  handler: async ({ body, client }, { twoFactorSignIn }) => ({
    status: 200,
    body: expectAnswer(await twoFactorSignIn(body, client), 'authenticated'),
  }),
});

export const forgot = route({
  method: 'post',
  path: '/v1/password/forgot',
  operation: 'forgotPassword',
  summary: 'Ask for a code to set a forgotten password anew',
  description: 'The same answer for a known and an unknown address.',
  tags: ['recovery'],
  auth: 'none',
  bucketed: [202],
  body: strictObject({ email: Email }),
  example: { email: 'ada@example.com' },
  responses: { 202: CodeSent },
  errors: ['validation_failed', 'rate_limited'],
  handler: async ({ body, client }, { forgot }) => ({
    status: 202,
    body: expectAnswer(await forgot.request(body, client), 'code_sent'),
  }),
});

export const forgotVerify = route({
  method: 'post',
  path: '/v1/password/forgot/verify',
  operation: 'verifyForgotPassword',
  summary: 'Redeem the mailed code',
  tags: ['recovery'],
  auth: 'none',
  bucketed: [401],
  body: FlowAndCode,
  example: { flow_token: 'ft_…', code: 'ABCD-2345' },
  responses: { 200: ResetAuthorized },
  errors: ['flow_expired', 'invalid_code'],
  handler: async ({ body, client }, { forgot }) => ({
    status: 200,
    body: expectAnswer(await forgot.verify(body, client), 'reset_authorized'),
  }),
});

export const reset = route({
  method: 'post',
  path: '/v1/password/reset',
  operation: 'resetPassword',
  summary: 'Set the new password',
  description: 'Ends every session, signs nobody in, leaves the second factor alone.',
  tags: ['recovery'],
  auth: 'none',
  hashing: true,
  body: strictObject({ flow_token: FlowToken, password: NewPassword }),
  responses: { 200: PasswordReset },
  errors: [
    'flow_expired',
    'validation_failed',
    'password_too_weak',
    'password_breached',
    'password_reused',
    'overloaded',
  ],
  handler: async ({ body, client }, { reset }) => ({
    status: 200,
    body: expectAnswer(await reset(body, client), 'password_reset'),
  }),
});
