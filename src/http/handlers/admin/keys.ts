import { fieldError } from '../../../errors.ts';
import { parseDuration } from '../../../lib/duration.ts';
import { KEY_KINDS } from '../../../services/key/kinds.ts';
import { adminRoute, operatorsWith } from '../../admin-route.ts';
import { strictObject } from '../../kernel/schema.ts';
import { Type } from '../../kernel/typebox.ts';
import { AdminKeyList, RetiredKey, RotatedKey } from '../../schemas/admin.ts';

const TAGS = ['keys'] as const;
const DryRun = Type.Boolean({ description: 'Say what would happen, change nothing.' });

export const listKeys = adminRoute({
  method: 'get',
  path: '/admin/v1/keys',
  operation: 'listKeys',
  summary: 'List all keys, never their secrets',
  tags: TAGS,
  ...operatorsWith('keys:read'),
  responses: { 200: AdminKeyList },
  handler: async (_, { keys }) => ({ status: 200, body: { keys: await keys.list() } }),
});

export const rotateKey = adminRoute({
  method: 'post',
  path: '/admin/v1/keys/rotate',
  operation: 'rotateKey',
  summary: 'Replace a key: no restart, no token refused',
  tags: TAGS,
  ...operatorsWith('keys:write'),
  body: strictObject({
    kind: Type.Enum(KEY_KINDS),
    grace: Type.Optional(
      Type.String({
        maxLength: 12,
        default: '24h',
        description:
          'How long the old signing key still verifies; with less than `access.ttl` its tokens end early.',
      }),
    ),
    dry_run: Type.Optional(DryRun),
  }),
  example: { kind: 'signing', grace: '24h' },
  responses: { 200: RotatedKey },
  errors: ['conflict'],
  async handler({ body, principal: { actor } }, { keys }) {
    const { kind, grace = '24h', dry_run: dryRun = false } = body;
    const graceMs = parseDuration(grace);
    if (graceMs === null) throw fieldError('/grace', 'bad_format', 'Write it like 30m or 24h.');
    return { status: 200, body: await keys.rotate(actor, { kind, graceMs, dryRun }) };
  },
});

export const retireKey = adminRoute({
  method: 'post',
  path: '/admin/v1/keys/{kid}/retire',
  operation: 'retireKey',
  summary: 'Retire a key now: what it made fails within a second',
  tags: TAGS,
  ...operatorsWith('keys:write'),
  params: strictObject({ kid: Type.String({ maxLength: 100 }) }),
  body: strictObject({ dry_run: Type.Optional(DryRun) }),
  responses: { 200: RetiredKey },
  errors: ['conflict'],
  async handler({ params, body, principal: { actor } }, { keys }) {
    const dryRun = body.dry_run ?? false;
    return { status: 200, body: await keys.retire(actor, params.kid, { dryRun }) };
  },
});
