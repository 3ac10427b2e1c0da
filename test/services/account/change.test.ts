import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { statement } from '../../../src/db/database.ts';
import {
  byOperator,
  byOwner,
  type ChangeAccount,
  createChangeAccount,
} from '../../../src/services/account/change.ts';
import { cliActor } from '../../../src/services/audit/actor.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { QUICK_SIGN_IN, signUp } from '../../support/sign-in.ts';

const CLIENT = { ip: '192.0.2.7', network: '192.0.2.0', userAgent: 'curl/8', requestId: 'r-1' };
const SET_ROLE = statement('test.set_role', 'UPDATE users SET role = $2 WHERE id = $1');

let appliance: TestAppliance;
let changeAccount: ChangeAccount;
const forgotten: string[] = [];
let wakeUps = 0;

beforeAll(async () => {
  const env = { ...QUICK_SIGN_IN, AUTHCTL_EVENTS_STDOUT: 'on' };
  appliance = await startAppliance({ env });
  changeAccount = createChangeAccount({
    ...appliance.core,
    wakeMail: { soon: () => (wakeUps += 1), flush: async () => undefined },
    forgetSession: (id) => forgotten.push(id),
  });
});
afterAll(() => appliance.stop());
beforeEach(() => {
  forgotten.length = 0;
  wakeUps = 0;
});

/** What a change has left behind, besides the change itself. */
async function tracesOf(userId: string) {
  const [row] = await appliance.sql<Record<string, unknown>>(
    `SELECT (SELECT role FROM users WHERE id = $1) AS role,
       (SELECT count(*)::int FROM audit WHERE user_id = $1 AND action = 'test.changed') AS audit,
       (SELECT count(*)::int FROM events WHERE user_id = $1 AND type = 'user.updated') AS events,
       (SELECT count(*)::int FROM mails WHERE user_id = $1 AND kind = 'password_changed') AS mails,
       (SELECT count(*)::int FROM sessions WHERE user_id = $1 AND ended_at IS NULL) AS sessions`,
    [userId],
  );
  return row;
}

test('a change and all that goes with it is committed together, then it is told', async () => {
  const { userId, sessionId, email } = await signUp(appliance);
  const ended = await changeAccount(byOperator(cliActor('root'), userId), async (change) => {
    await change.tx.execute(SET_ROLE, [userId, 'editor']);
    await change.audit('test.changed', { why: 'a test' });
    await change.announce('user.updated');
    await change.notify({ id: userId, email }, 'password_changed', change.notice);
    const count = await change.endSessions('role_changed');
    expect([forgotten, wakeUps]).toEqual([[], 0]);
    return count;
  });
  expect(ended).toBe(1);
  expect(await tracesOf(userId)).toEqual({
    role: 'editor',
    audit: 1,
    events: 1,
    mails: 1,
    sessions: 0,
  });
  expect(forgotten).toEqual([sessionId]);
  expect(wakeUps).toBe(1);
});

test('of a change that fails nothing is left, and nobody is told', async () => {
  const { userId, email } = await signUp(appliance);
  const before = await tracesOf(userId);
  const change = changeAccount(byOperator(cliActor('root'), userId), async (change) => {
    await change.tx.execute(SET_ROLE, [userId, 'editor']);
    await change.audit('test.changed');
    await change.announce('user.updated');
    await change.notify({ id: userId, email }, 'password_changed', change.notice);
    await change.endSessions('role_changed');
    throw new Error('after everything');
  });
  await expect(change).rejects.toThrow('after everything');
  expect(await tracesOf(userId)).toEqual(before);
  expect([forgotten, wakeUps]).toEqual([[], 0]);
});

test('an owner’s change says from where; the session it is made in stays and is read anew', async () => {
  const { userId, sessionId } = await signUp(appliance);
  const notice = await changeAccount(byOwner({ userId, sessionId }, CLIENT), async (change) => {
    await change.audit('test.changed');
    await change.endSessions('password_changed', sessionId);
    return change.notice;
  });
  expect(notice).toMatchObject({ ip: '192.0.2.7', userAgent: 'curl/8' });
  const [record] = await appliance.sql(
    `SELECT actor_kind, actor_id, ip, user_agent, request_id FROM audit
     WHERE user_id = $1 AND action = 'test.changed'`,
    [userId],
  );
  expect(record).toEqual({
    actor_kind: 'user',
    actor_id: userId,
    ip: '192.0.2.7',
    user_agent: 'curl/8',
    request_id: 'r-1',
  });
  expect((await tracesOf(userId))?.['sessions']).toBe(1);
  expect(forgotten).toEqual([sessionId]);
});

test('where an operator sits is not in what the owner is told', async () => {
  const { userId } = await signUp(appliance);
  const actor = { ...cliActor('root'), ip: '203.0.113.9' };
  const notice = await changeAccount(byOperator(actor, userId), async (change) => change.notice);
  expect(Object.values(notice).filter(Boolean)).toEqual([notice.at]);
});
