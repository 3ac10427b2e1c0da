import { presentUser } from '../../services/user/view.ts';
import { etagOf } from '../etag.ts';
import { route } from '../route.ts';
import { User } from '../schemas/answers.ts';

export const me = route({
  method: 'get',
  path: '/v1/me',
  summary: 'The signed-in user',
  tags: ['account'],
  auth: 'bearer',
  responses: { 200: User },
  handler: ({ principal: { user } }) => ({
    status: 200,
    body: presentUser(user),
    headers: { ETag: etagOf(user.version) },
  }),
});
