import { strictObject } from '../kernel/schema.ts';
import { route } from '../route.ts';
import { RecoveryCodes, TotpSetup } from '../schemas/answers.ts';
import { AuthenticatorCode, FlowToken, Password } from '../schemas/fields.ts';
import { REAUTHENTICATION_ERRORS, withFactor } from './reauthentication.ts';

const PasswordAndFactor = withFactor({ password: Password });

export const beginTotp = route({
  method: 'post',
  path: '/v1/me/two-factor/totp',
  operation: 'beginTotp',
  summary: 'Begin turning two-factor on',
  description:
    'Shows the seed once, as text, otpauth URI and QR code. Nothing is on before `confirm`.',
  tags: ['two-factor'],
  auth: 'bearer',
  hashing: true,
  body: strictObject({ password: Password }),
  responses: { 200: TotpSetup },
  errors: [
    'invalid_credentials',
    'two_factor_already_enabled',
    'conflict',
    'rate_limited',
    'overloaded',
  ],
  handler: async ({ principal, body, client }, { enrolment }) => ({
    status: 200,
    body: await enrolment.begin(principal, body, client),
  }),
});

export const confirmTotp = route({
  method: 'post',
  path: '/v1/me/two-factor/totp/confirm',
  operation: 'confirmTotp',
  summary: 'Turn two-factor on with the first code',
  tags: ['two-factor'],
  auth: 'bearer',
  body: strictObject({ flow_token: FlowToken, code: AuthenticatorCode }),
  responses: { 200: RecoveryCodes },
  errors: ['flow_expired', 'invalid_code', 'two_factor_already_enabled', 'rate_limited'],
  handler: async ({ principal, body, client }, { enrolment }) => ({
    status: 200,
    body: { recovery_codes: await enrolment.confirm(principal, body, client) },
  }),
});

export const disableTotp = route({
  method: 'post',
  path: '/v1/me/two-factor/totp/disable',
  operation: 'disableTotp',
  summary: 'Turn two-factor off',
  description: 'Takes a factor beside the password; the recovery codes go, too.',
  tags: ['two-factor'],
  auth: 'bearer',
  hashing: true,
  body: PasswordAndFactor,
  responses: { 204: null },
  errors: REAUTHENTICATION_ERRORS,
  async handler({ principal, body, client }, { enrolment }) {
    await enrolment.disable(principal, body, client);
    return { status: 204 };
  },
});

export const regenerateRecoveryCodes = route({
  method: 'post',
  path: '/v1/me/two-factor/recovery-codes',
  operation: 'regenerateRecoveryCodes',
  summary: 'Replace the recovery codes',
  description: 'Takes a factor beside the password. The old ones work no more.',
  tags: ['two-factor'],
  auth: 'bearer',
  hashing: true,
  body: PasswordAndFactor,
  responses: { 200: RecoveryCodes },
  errors: REAUTHENTICATION_ERRORS,
  handler: async ({ principal, body, client }, { enrolment }) => ({
    status: 200,
    body: { recovery_codes: await enrolment.regenerateRecoveryCodes(principal, body, client) },
  }),
});
