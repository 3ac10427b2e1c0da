import { strictObject } from '../kernel/schema.ts';
import { Type } from '../kernel/typebox.ts';
import { route } from '../route.ts';
import { Authenticated, Registered, VerificationRequired } from '../schemas/answers.ts';
import { DeviceName, Email, NewPassword, Phone, Username } from '../schemas/fields.ts';
import { expectAnswer } from './expect-answer.ts';

export const register = route({
  method: 'post',
  path: '/v1/register',
  operation: 'register',
  summary: 'Register an account',
  description:
    'Answers 202 `verification_required`, the same for a new and a taken address, where the domain ' +
    'asks for a mailed code; else 201. An `Idempotency-Key` makes a retry return the first answer.',
  tags: ['registration'],
  auth: 'none',
  idempotent: true,
  bucketed: [202],
  body: strictObject({
    email: Type.Optional(Email),
    password: NewPassword,
    password_confirmation: Type.Optional(NewPassword),
    username: Type.Optional(Username),
    phone: Type.Optional(Phone),
    device_name: Type.Optional(DeviceName),
  }),
  example: { email: 'ada@example.com', password: 'a long sentence nobody knows' },
  responses: { 201: Type.Union([Registered, Authenticated]), 202: VerificationRequired },
  errors: [
    'domain_not_allowed',
    'email_taken',
    'username_taken',
    'idempotency_conflict',
    'validation_failed',
    'password_too_weak',
    'password_breached',
    'overloaded',
  ],
  findMissing: (body, { findMissingIdentity }) => findMissingIdentity(body),
  async handler({ body, client, idempotencyKey }, { register }) {
    const answer = expectAnswer(
      await register(body, client, idempotencyKey),
      'registered',
      'authenticated',
      'verification_required',
    );
    return answer.status === 'verification_required'
      ? { status: 202, body: answer }
      : { status: 201, body: answer };
  },
});
