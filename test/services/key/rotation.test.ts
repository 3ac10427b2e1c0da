import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cliActor } from '../../../src/services/audit/actor.ts';
import { listKeys } from '../../../src/services/key/list.ts';
import { retireKey, rotateSecret, rotateSigning } from '../../../src/services/key/rotate.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { eventually } from '../../support/eventually.ts';
import { QUICK_SIGN_IN, refresh, signInAgain, signUp, statusOfMe } from '../../support/sign-in.ts';

const HOUR_MS = 3_600_000;
const actor = cliActor('tester');

let here: TestAppliance;
let there: TestAppliance;

beforeAll(async () => {
  here = await startAppliance({ env: QUICK_SIGN_IN });
  there = await startAppliance({ env: QUICK_SIGN_IN, beside: here });
});
afterAll(async () => {
  await there.stop();
  await here.stop();
});

const deps = () => {
  const { db, clock, masters } = here.core;
  return { db, clock, actor, loadMasters: masters.load };
};
const rotate = (graceMs = HOUR_MS) => rotateSigning(deps(), { graceMs, dryRun: false });

function kidOf(accessToken: string): string {
  const footer = accessToken.slice(accessToken.lastIndexOf('.') + 1);
  return JSON.parse(Buffer.from(footer, 'base64url').toString('utf8')).kid;
}

async function published(on: TestAppliance): Promise<Map<string, string>> {
  const { body } = await on.call('/v1/keys');
  return new Map(body.keys.map((key: { kid: string; status: string }) => [key.kid, key.status]));
}

async function countKeys(status: string): Promise<number> {
  const keys = await listKeys(here.core.db, here.core.clock.now());
  return keys.filter((key) => key.kind === 'signing' && key.status === status).length;
}

describe('rotation of the signing key', () => {
  test('while two nodes serve: no request is refused, and every signing key was published before', async () => {
    const nodes = [here, there];
    const user = await signUp(here);
    const statuses = new Map<number, number>();
    const signedBy = new Set<string>();
    const seenNext = new Set<string>();
    const withoutNext: unknown[] = [];
    const done = new AbortController();

    async function useTokens(start: number): Promise<void> {
      const own = await signInAgain(nodes[start % 2]!, user);
      let { access, refresh: token } = own;
      for (let turn = start; !done.signal.aborted; turn += 1) {
        const on = nodes[turn % 2]!;
        const me = await statusOfMe(on, access);
        const next = await refresh(on, token);
        for (const status of [me, next.status])
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (next.status !== 200) return;
        access = next.body.tokens.access_token;
        token = next.body.tokens.refresh_token;
        signedBy.add(kidOf(access));
      }
    }
    async function watchKeys(on: TestAppliance): Promise<void> {
      while (!done.signal.aborted) {
        const keys = await published(on);
        const next = [...keys].filter(([, status]) => status === 'next');
        for (const [kid] of next) seenNext.add(kid);
        if (next.length !== 1) withoutNext.push([...keys]);
      }
    }

    const load = [0, 1, 2, 3].map(useTokens).concat(nodes.map(watchKeys));
    const first = [...(await published(here))].find(([, status]) => status === 'active')![0];
    for (let round = 0; round < 3; round += 1) {
      const { active_kid } = await rotate();
      await eventually('tokens are signed by the new key', () => signedBy.has(active_kid!));
    }
    done.abort();
    await Promise.all(load);

    expect([...statuses.keys()]).toEqual([200]);
    expect(withoutNext).toEqual([]);
    expect(signedBy.size).toBeGreaterThanOrEqual(3);
    signedBy.delete(first);
    for (const kid of signedBy) expect(seenNext).toContain(kid);
  });

  test('many at once happen one after the other: one active key, one next, each promoted once', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => rotate()));
    expect(new Set(results.map(({ active_kid }) => active_kid)).size).toBe(8);
    expect(new Set(results.map(({ previous_kid }) => previous_kid)).size).toBe(8);
    expect(await countKeys('active')).toBe(1);
    expect(await countKeys('next')).toBe(1);
  });

  test('a key made since a node last looked is no stranger to it', async () => {
    for (let round = 0; round < 5; round += 1) {
      await published(there);
      await rotate();
      await rotate();
      here.core.keys.invalidate();
      const user = await signUp(here);
      expect(await statusOfMe(there, user.access)).toBe(200);
    }
  });

  test.each([366 * 24 * HOUR_MS, 999_999_999 * 24 * HOUR_MS])(
    'a grace of %d ms is refused and changes nothing',
    async (graceMs) => {
      const before = await published(here);
      await expect(rotate(graceMs)).rejects.toMatchObject({
        code: 'validation_failed',
        fields: [{ pointer: '/grace', code: 'too_large' }],
      });
      expect(await published(here)).toEqual(before);
    },
  );

  test('the old key verifies until its grace ends, then leaves the published set too', async () => {
    const user = await signUp(here);
    const kid = kidOf(user.access);
    const { previous_kid, not_after } = await rotate(10 * 60_000);
    expect(previous_kid).toBe(kid);
    expect(Date.parse(not_after!)).toBeGreaterThan(here.clock.now().getTime());
    here.clock.advance(9 * 60_000);
    expect(await statusOfMe(here, user.access)).toBe(200);
    expect(await statusOfMe(there, user.access)).toBe(200);
    expect((await published(there)).get(kid)).toBe('retiring');
    here.clock.advance(60_000);
    for (const node of [here, there]) {
      expect(await statusOfMe(node, user.access)).toBe(401);
      expect([...(await published(node)).keys()]).not.toContain(kid);
    }
    const listed = await listKeys(here.core.db, here.core.clock.now());
    expect(listed.find((key) => key.kid === kid)?.status).toBe('retired');
    expect((await refresh(there, user.refresh)).status).toBe(200);
  });

  test('a retired key fails on every node within a second, cached signatures included', async () => {
    const user = await signUp(here);
    const kid = kidOf(user.access);
    await rotate();
    for (const node of [here, there]) expect(await statusOfMe(node, user.access)).toBe(200);
    await retireKey(deps(), kid, { dryRun: false });
    await eventually(
      'both nodes refuse',
      async () =>
        (await statusOfMe(here, user.access)) === 401 &&
        (await statusOfMe(there, user.access)) === 401,
      3_000,
    );
    const fresh = await refresh(here, user.refresh);
    expect(await statusOfMe(there, fresh.body.tokens.access_token)).toBe(200);
    await expect(retireKey(deps(), kid, { dryRun: false })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  test('an active or next key cannot be retired; a dry run changes nothing', async () => {
    const before = await listKeys(here.core.db, here.core.clock.now());
    for (const status of ['active', 'next']) {
      const { kid } = before.find((key) => key.kind === 'signing' && key.status === status)!;
      await expect(retireKey(deps(), kid, { dryRun: false })).rejects.toMatchObject({
        code: 'conflict',
      });
    }
    const dry = await rotateSigning(deps(), { graceMs: HOUR_MS, dryRun: true });
    const next = before.find((key) => key.kind === 'signing' && key.status === 'next')!;
    expect(dry).toMatchObject({ dry_run: true, active_kid: next.kid, next_kid: null });
    expect(await rotateSecret(deps(), { kind: 'pepper', dryRun: true })).toMatchObject({
      active_kid: null,
    });
    expect(await listKeys(here.core.db, here.core.clock.now())).toEqual(before);
  });

  test('is audited with who did it', async () => {
    const { active_kid } = await rotate();
    const [row] = await here.sql<Record<string, unknown>>(
      `SELECT action, actor_kind, actor_id, detail FROM audit
       WHERE action = 'key.signing_rotated' ORDER BY at DESC, id DESC LIMIT 1`,
    );
    expect(row).toMatchObject({
      actor_kind: 'cli',
      actor_id: 'tester',
      detail: { active_kid },
    });
  });
});

test('a password made with a new pepper is right on a node that has not heard of it', async () => {
  await signUp(there);
  for (let round = 0; round < 5; round += 1) {
    await published(there);
    await rotateSecret(deps(), { kind: 'pepper', dryRun: false });
    here.core.keys.invalidate();
    const user = await signUp(here);
    await signInAgain(there, user);
  }
});

test('a pepper is retired only when nobody needs it any more', async () => {
  const user = await signUp(here);
  const { previous_kid } = await rotateSecret(deps(), { kind: 'pepper', dryRun: false });
  const retire = () => retireKey(deps(), previous_kid, { dryRun: false });

  const [counted] = await here.sql<{ uses: number }>(
    'SELECT count(*)::int AS uses FROM credentials WHERE pepper_kid = $1',
    [previous_kid],
  );
  const { uses } = counted!;
  expect(uses).toBeGreaterThan(0);
  await expect(retire()).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining(`${uses} credentials`),
  });
  const [listed] = (await listKeys(here.core.db, here.core.clock.now())).filter(
    ({ kid }) => kid === previous_kid,
  );
  expect(listed).toMatchObject({ status: 'retiring', uses });

  await here.sql('DELETE FROM credentials WHERE user_id <> $1', [user.userId]);
  const pepperOf = async () => {
    const [row] = await here.sql<{ pepper_kid: string }>(
      'SELECT pepper_kid FROM credentials WHERE user_id = $1',
      [user.userId],
    );
    return row!.pepper_kid;
  };
  // The first sign-in hardens the pending row, the second finds its pepper outdated.
  await signInAgain(there, user);
  await eventually('the credential has moved', async () => {
    await signInAgain(there, user);
    return (await pepperOf()) !== previous_kid;
  });
  // A former password could not be recognised any more.
  await here.sql(
    `INSERT INTO password_history (id, user_id, pepper_kid, salt, phc, created_at)
     SELECT gen_random_uuid(), user_id, $2, salt, phc, now() FROM credentials WHERE user_id = $1`,
    [user.userId, previous_kid],
  );
  await expect(retire()).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('1 remembered password'),
  });
  await here.sql('DELETE FROM password_history');
  // Requests under way may still write what was made with it.
  await expect(retire()).rejects.toMatchObject({
    code: 'conflict',
    hint: expect.stringContaining('try again in'),
  });
  here.clock.advance(61_000);
  expect(await retire()).toEqual({ kid: previous_kid, dry_run: false });
  await eventually('it still signs in', async () => {
    await signInAgain(here, user);
    return true;
  });
});
