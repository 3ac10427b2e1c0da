import { route } from '../route.ts';
import { KeyList } from '../schemas/answers.ts';

export const keys = route({
  method: 'get',
  path: '/v1/keys',
  operation: 'getKeys',
  summary: 'The public keys that verify access tokens',
  description: 'Always lists the next key, so that a cached list already knows it when it signs.',
  tags: ['sessions'],
  auth: 'none',
  cacheControl: 'public, max-age=60',
  responses: { 200: KeyList },
  handler: async (_, { keys }) => ({ status: 200, body: { keys: await keys.published() } }),
});
