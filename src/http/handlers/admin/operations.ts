import { adminRoute, operatorsWith } from '../../admin-route.ts';
import { media } from '../../kernel/route.ts';
import { strictObject } from '../../kernel/schema.ts';
import { Type } from '../../kernel/typebox.ts';
import { OperatorSelf, Status } from '../../schemas/admin.ts';

const DEFAULT_SECONDS = 10;
const Duration = strictObject({
  seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 60, default: DEFAULT_SECONDS })),
});
const PROFILE = media('application/json; charset=utf-8');
const DOWNLOAD = { 'Content-Disposition': 'The name that a browser saves it by.' };

export const status = adminRoute({
  method: 'get',
  path: '/admin/v1/status',
  operation: 'getStatus',
  summary: 'How the installation is doing: backlog, mail, events, processes',
  tags: ['operations'],
  ...operatorsWith('status:read'),
  responses: { 200: Status },
  handler: async (_, { status }) => ({ status: 200, body: await status() }),
});

export const self = adminRoute({
  method: 'get',
  path: '/admin/v1/operator',
  operation: 'getOperator',
  summary: 'Whose token this is, and what it is good for',
  tags: ['operations'],
  auth: 'operator',
  responses: { 200: OperatorSelf },
  handler: ({ principal: { name, scopes } }) => ({
    status: 200,
    body: { name, scopes: [...scopes] },
  }),
});

export const cpuProfile = adminRoute({
  method: 'get',
  path: '/debug/profile',
  operation: 'recordCpuProfile',
  summary: 'A CPU profile of this API process',
  description: 'Opens in the developer tools of a browser (`.cpuprofile`).',
  tags: ['operations'],
  ...operatorsWith('debug'),
  query: Duration,
  responses: { 200: PROFILE },
  answerHeaders: DOWNLOAD,
  errors: ['conflict'],
  handler: async ({ query: { seconds = DEFAULT_SECONDS } }, { profiler }) => ({
    status: 200,
    body: await profiler.cpu(seconds),
    headers: download('cpuprofile'),
  }),
});

export const heapProfile = adminRoute({
  method: 'get',
  path: '/debug/heap',
  operation: 'recordHeapProfile',
  summary: 'What this API process allocates',
  description:
    'A sampling profile (`.heapprofile`). There is no heap snapshot: it would hold every secret in memory.',
  tags: ['operations'],
  ...operatorsWith('debug'),
  query: Duration,
  responses: { 200: PROFILE },
  answerHeaders: DOWNLOAD,
  errors: ['conflict'],
  handler: async ({ query: { seconds = DEFAULT_SECONDS } }, { profiler }) => ({
    status: 200,
    body: await profiler.heap(seconds),
    headers: download('heapprofile'),
  }),
});

function download(extension: string) {
  return { 'Content-Disposition': `attachment; filename="authctl.${extension}"` };
}
