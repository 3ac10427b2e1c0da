import { AppError, ERRORS, type ErrorCode } from '../../errors.ts';
import { PUBLIC_CODES, toProblem } from './problem.ts';

/** Every problem carries the id of its request; this one stands in the examples. */
const EXAMPLE_REQUEST_ID = '01936b2e-7c1a-7b3c-9d4e-5f6a7b8c9d0e';

/** The parts of the OpenAPI document that are the same whatever the routes. */
export const COMPONENTS = {
  securitySchemes: {
    bearer: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'PASETO v4.public',
      description: 'The `access_token` of a login or a refresh.',
    },
    operator: {
      type: 'http',
      scheme: 'bearer',
      description: 'An operator token (`op_…`), made with `authctl operators create`.',
    },
  },
  parameters: {
    IdempotencyKey: {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description:
        'Kept for 24 hours: the same key with the same body returns the first answer, with another body 409.',
      schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
    },
    IfMatch: {
      name: 'If-Match',
      in: 'header',
      required: false,
      description: 'The `ETag` that was read; 412 where it has changed since.',
      schema: { type: 'string' },
    },
  },
  headers: {
    'X-Request-Id': {
      description: 'The id of the request; the one that was sent, where it was well-formed.',
      schema: { type: 'string' },
    },
    RateLimit: {
      description: 'Requests left (`r`), and seconds until all are there again (`t`).',
      schema: { type: 'string', examples: ['"ip";r=99;t=1'] },
    },
    'RateLimit-Policy': {
      description: 'Requests at once (`q`), and seconds in which they come back (`w`).',
      schema: { type: 'string', examples: ['"ip";q=100;w=2'] },
    },
    'Retry-After': {
      description: 'Seconds after which trying again makes sense.',
      schema: { type: 'integer' },
    },
    ETag: {
      description: 'The version of what is answered; goes into the `If-Match` of a change.',
      schema: { type: 'string', examples: ['"2"'] },
    },
    'WWW-Authenticate': { description: 'The scheme to use.', schema: { type: 'string' } },
  },
  schemas: {
    Problem: {
      type: 'object',
      description: 'An error (RFC 9457).',
      required: ['type', 'title', 'status', 'detail', 'instance', 'code'],
      properties: {
        type: { type: 'string', format: 'uri' },
        title: { type: 'string' },
        status: { type: 'integer' },
        detail: { type: 'string' },
        instance: { type: 'string', description: 'The request id.' },
        code: { type: 'string', enum: PUBLIC_CODES },
        errors: {
          type: 'array',
          description:
            'The fields at fault. Pointers outside of the body begin with /query or /header.',
          items: {
            type: 'object',
            required: ['pointer', 'code', 'detail'],
            properties: {
              pointer: { type: 'string', examples: ['/email'] },
              code: { type: 'string', examples: ['required', 'unknown_field', 'too_long'] },
              detail: { type: 'string' },
            },
          },
        },
      },
    },
  },
} as const;

export function problemExample(code: ErrorCode): { summary: string; value: unknown } {
  const fields = [{ pointer: '/email', code: 'required', detail: 'Is required.' }];
  const error = new AppError(code, code === 'validation_failed' ? { fields } : {});
  return { summary: ERRORS[code].text, value: toProblem(error, EXAMPLE_REQUEST_ID) };
}
