import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOpaqueToken } from '../../../src/crypto/opaque-token.ts';
import { cliActor } from '../../../src/services/audit/actor.ts';
import { createOperators, type Operators } from '../../../src/services/operator/operators.ts';
import { covers, SCOPES } from '../../../src/services/operator/scopes.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { dumpDatabase } from '../../support/dump.ts';

const CLI = cliActor('ada');
const CLIENT = { ip: '192.0.2.7', network: '192.0.2.0/24', userAgent: 'curl/8', requestId: 'r7' };
const HOUR = 3_600_000;

let appliance: TestAppliance;
let operators: Operators;

beforeAll(async () => {
  appliance = await startAppliance();
  operators = createOperators(appliance.core);
});
afterAll(() => appliance.stop());

const make = (name: string, scopes: readonly string[] = ['users:read'], ttlMs = HOUR) =>
  operators.create(CLI, { name, scopes, ttlMs });
const authenticate = (token: string, scope?: string) =>
  operators.authenticate(token, scope, CLIENT);

test('a fresh installation has no operator', async () => {
  expect(await operators.list()).toEqual([]);
});

test('the token is shown once; what is stored opens nothing', async () => {
  const { operator, token } = await make('support');
  expect(token).toMatch(/^op_[A-Za-z0-9_-]{43}$/);
  expect(operator).toMatchObject({ name: 'support', status: 'active', last_used_at: null });
  expect(JSON.stringify(await operators.list())).not.toContain(token.slice(3));
  const dump = JSON.stringify(await dumpDatabase(appliance));
  expect(dump).not.toContain(token.slice(3));

  expect(await authenticate(token, 'users:read')).toMatchObject({
    name: 'support',
    actor: { kind: 'operator', id: 'support', ip: CLIENT.ip, requestId: CLIENT.requestId },
  });
  const [row] = await appliance.sql<{ token_digest: Buffer }>(
    `SELECT token_digest FROM operators WHERE name = 'support'`,
  );
  const stored = row!.token_digest;
  for (const text of [stored.toString('base64url'), stored.toString('hex')])
    await expect(authenticate(`op_${text}`)).rejects.toMatchObject({ code: 'invalid_token' });
});

describe('who is refused', () => {
  test('a token that is unknown, cut, of another kind or in another spelling', async () => {
    const { token } = await make('spelling');
    const others = [
      createOpaqueToken('op_').token,
      createOpaqueToken('ft_').token,
      token.slice(0, -1),
      `${token}A`,
      token.replace('op_', 'OP_'),
      token.replace('op_', 'ft_'),
      '',
      'op_',
      'v4.public.x',
    ];
    for (const other of others)
      await expect(authenticate(other)).rejects.toMatchObject({ code: 'invalid_token' });
  });

  test('one that expired, or was revoked', async () => {
    const { token } = await make('brief', ['*'], 1_000);
    await authenticate(token, 'debug');
    appliance.clock.advance(1_001);
    await expect(authenticate(token)).rejects.toMatchObject({ code: 'invalid_token' });
    expect((await operators.list()).find(({ name }) => name === 'brief')?.status).toBe('expired');

    const { token: other } = await make('leaver', ['*']);
    await authenticate(other);
    expect((await operators.revoke(CLI, 'leaver')).status).toBe('revoked');
    await expect(authenticate(other)).rejects.toMatchObject({ code: 'invalid_token' });
    await expect(operators.revoke(CLI, 'leaver')).rejects.toMatchObject({ code: 'conflict' });
    await expect(operators.revoke(CLI, 'nobody')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('each of them is in the audit with the reason', async () => {
    const rows = await appliance.sql<{ reason: string; actor_id: string | null; ip: string }>(
      `SELECT detail->>'reason' AS reason, actor_id, ip FROM audit
       WHERE action = 'operator.refused' AND result = 'refused'`,
    );
    expect(rows).toEqual(
      expect.arrayContaining([
        { reason: 'unknown', actor_id: null, ip: CLIENT.ip },
        { reason: 'expired', actor_id: 'brief', ip: CLIENT.ip },
        { reason: 'revoked', actor_id: 'leaver', ip: CLIENT.ip },
      ]),
    );
  });
});

test('a flood of refusals fills no audit: a minute has thirty, then it is said how many are missing', async () => {
  const { token } = await make('flooded', ['status:read']);
  const refusals = (name: string | null) =>
    appliance.sql<{ unrecorded: string | null }>(
      `SELECT detail->>'unrecorded' AS unrecorded FROM audit
       WHERE action = 'operator.refused' AND actor_id IS NOT DISTINCT FROM $1 AND at >= $2
       ORDER BY id`,
      [name, since],
    );
  const flood = async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 100 }, () => authenticate(createOpaqueToken('op_').token, '*')),
    );
    for (const result of results) expect(result.status).toBe('rejected');
  };

  appliance.clock.advance(60_000);
  const since = appliance.clock.now();
  await flood();
  expect(await refusals(null)).toHaveLength(30);
  await expect(authenticate(token, 'debug')).rejects.toMatchObject({ code: 'forbidden' });
  expect(await refusals('flooded')).toHaveLength(1);

  appliance.clock.advance(60_000);
  await flood();
  const recorded = (await refusals(null)).map(({ unrecorded }) => unrecorded);
  expect(recorded).toHaveLength(60);
  expect(recorded.filter((count) => count !== null)).toEqual(['70']);
});

test('each scope opens itself, write opens read, and only the star opens all', async () => {
  for (const held of SCOPES) {
    const name = `scope-${SCOPES.indexOf(held)}`;
    const { token } = await make(name, [held]);
    for (const needed of SCOPES.filter((scope) => scope !== '*')) {
      const allowed = held === '*' || held === needed || held.replace(':write', ':read') === needed;
      expect(covers([held], needed), `${held} for ${needed}`).toBe(allowed);
      const result = authenticate(token, needed);
      if (allowed) await result;
      else await expect(result).rejects.toMatchObject({ code: 'forbidden' });
    }
  }
});

test('the last use is noted once a minute, however many use it at once', async () => {
  const { token } = await make('busy');
  const lastUse = async () =>
    (await operators.list()).find(({ name }) => name === 'busy')?.last_used_at;
  await Promise.all(Array.from({ length: 20 }, () => authenticate(token)));
  const first = await lastUse();
  expect(first).not.toBeNull();
  appliance.clock.advance(30_000);
  await authenticate(token);
  expect(await lastUse()).toBe(first);
  appliance.clock.advance(31_000);
  await authenticate(token);
  expect(Date.parse((await lastUse())!)).toBeGreaterThan(Date.parse(first!) + 60_000);
});

test('of twenty who take one name, one does; a name is never given out twice', async () => {
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => make('wanted')));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  await operators.revoke(CLI, 'wanted');
  await expect(make('wanted')).rejects.toMatchObject({ code: 'conflict' });
});

test.each([
  ['Upper', ['users:read'], HOUR],
  ['', ['users:read'], HOUR],
  ['scopeless', [], HOUR],
  ['wrong', ['users:all'], HOUR],
  ['endless', ['users:read'], 400 * 24 * HOUR],
  ['dead', ['users:read'], 0],
])('%j with %j is refused', async (name, scopes, ttlMs) => {
  await expect(make(name, scopes, ttlMs)).rejects.toMatchObject({ code: 'usage' });
});

test('a token that would not live at all is not told that it would live too long', async () => {
  await expect(make('brief', ['users:read'], 0)).rejects.toThrow('for some time');
});
