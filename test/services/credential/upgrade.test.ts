import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Argon2Engine } from '../../../src/crypto/argon2/engine.ts';
import { nodeRsEngine } from '../../../src/crypto/argon2/node-rs.ts';
import { formatPhc } from '../../../src/crypto/phc.ts';
import { SYSTEM_ACTOR } from '../../../src/services/audit/actor.ts';
import { rotateSecret } from '../../../src/services/key/rotate.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { CHEAP, createWorkshop } from './workshop.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance();
});
afterAll(() => appliance.stop());

const password = 'correct horse battery staple';
const COSTLIER = { ...CHEAP, passes: 2 };

test('a login moves a credential to the current cost, once it is verified', async () => {
  const old = createWorkshop(appliance.core, { mode: 'sync' });
  const current = createWorkshop(appliance.core, { params: COSTLIER });
  const id = await old.addUser(password);

  expect(await current.verifier.verify(await old.find(id), 'wrong password')).toBe(false);
  await current.verifier.drain();
  expect((await old.find(id)).phc).toContain('m=64,t=1,p=1');

  expect(await current.verifier.verify(await old.find(id), password)).toBe(true);
  await current.verifier.drain();
  const upgraded = await old.find(id);
  expect(upgraded).toMatchObject({ version: 1, pending: null });
  expect(upgraded.phc).toContain('m=64,t=2,p=1');
  for (const workshop of [old, current])
    expect(await workshop.verifier.verify(upgraded, password)).toBe(true);
});

test('over HTTP: a node with a higher cost upgrades what another wrote', async () => {
  const body = { email: 'cost@open.example', password };
  expect((await appliance.call('/v1/register', { body })).status).toBe(201);
  const costlier = await startAppliance({ env: { AUTHCTL_HASH_PASSES: '3' }, beside: appliance });
  expect((await costlier.call('/v1/login', { body })).status).toBe(200);
  await costlier.stop();
  const rows = await appliance.sql<{ phc: string }>(
    `SELECT phc FROM credentials JOIN users ON id = user_id WHERE email = 'cost@open.example'`,
  );
  expect(rows[0]!.phc).toContain('m=19456,t=3,p=1');
  expect((await appliance.call('/v1/login', { body })).status).toBe(200);
});

test('a login moves a credential to the current pepper, pending ones too', async () => {
  const { db, clock, keys, masters } = appliance.core;
  const workshop = createWorkshop(appliance.core);
  const pending = await workshop.addUser(password);
  const final = await workshop.addUser(password);
  expect(await workshop.verifier.verify(await workshop.find(final), password)).toBe(true);
  const before = (await keys.ring()).pepper.active.kid;

  const deps = { db, clock, actor: SYSTEM_ACTOR, loadMasters: masters.load };
  await rotateSecret(deps, { kind: 'pepper', dryRun: false });
  keys.invalidate();
  const after = (await keys.ring()).pepper.active.kid;
  expect(after).not.toBe(before);

  for (const id of [pending, final]) {
    expect((await workshop.find(id)).pepperKid).toBe(before);
    // The first login of a pending row gives it its final form; the next moves it to the new pepper.
    for (const _ of [1, 2]) {
      expect(await workshop.verifier.verify(await workshop.find(id), password)).toBe(true);
      await workshop.verifier.drain();
    }
    const moved = await workshop.find(id);
    expect(moved).toMatchObject({ pepperKid: after, version: 1, pending: null });
    expect(await workshop.verifier.verify(moved, password)).toBe(true);
    expect(await workshop.verifier.verify(moved, 'wrong password')).toBe(false);
  }
});

test('an upgrade that waited until its pepper was retired changes nothing', async () => {
  const { db, clock, keys, masters } = appliance.core;
  const workshop = createWorkshop(appliance.core, { mode: 'sync' });
  const quiet = Promise.withResolvers<void>();
  let hashes = 0;
  const engine: Argon2Engine = {
    ...nodeRsEngine,
    async hashRaw(...input) {
      hashes += 1;
      if (hashes > 1) await quiet.promise;
      return nodeRsEngine.hashRaw(...input);
    },
  };
  const current = createWorkshop(appliance.core, { params: COSTLIER, engine });
  const id = await workshop.addUser(password);
  const before = await workshop.find(id);

  const deps = { db, clock, actor: SYSTEM_ACTOR, loadMasters: masters.load };
  await rotateSecret(deps, { kind: 'pepper', dryRun: false });
  keys.invalidate();
  const brief = (await keys.ring()).pepper.active.kid;
  // The upgrade has begun with this pepper, and waits while requests are served and the pepper goes.
  expect(await current.verifier.verify(before, password)).toBe(true);
  await rotateSecret(deps, { kind: 'pepper', dryRun: false });
  await appliance.sql(`UPDATE keys SET status = 'retired' WHERE kid = $1`, [brief]);
  quiet.resolve();
  await current.verifier.drain();

  keys.invalidate();
  expect(await workshop.find(id)).toEqual(before);
  expect(await workshop.verifier.verify(await workshop.find(id), password)).toBe(true);
});

test('a hundred upgrades wait at most: each holds a password', async () => {
  const workshop = createWorkshop(appliance.core, { mode: 'sync' });
  const quiet = Promise.withResolvers<void>();
  let upgrades = 0;
  const engine: Argon2Engine = {
    ...nodeRsEngine,
    async hashRaw(input, salt, params) {
      if (params.passes === COSTLIER.passes) {
        upgrades += 1;
        await quiet.promise;
      }
      return nodeRsEngine.hashRaw(input, salt, params);
    },
  };
  const current = createWorkshop(appliance.core, { params: COSTLIER, engine, slots: 200 });
  const stored = await workshop.find(await workshop.addUser(password));
  const checks = Array.from({ length: 120 }, () => current.verifier.verify(stored, password));
  expect(new Set(await Promise.all(checks))).toEqual(new Set([true]));
  quiet.resolve();
  await current.verifier.drain();
  expect(upgrades).toBe(100);
});

test('an upgrade never overwrites a password that was changed meanwhile', async () => {
  const old = createWorkshop(appliance.core, { mode: 'sync' });
  const current = createWorkshop(appliance.core, { params: COSTLIER });
  const id = await old.addUser(password);
  const read = await old.find(id);
  const changed = formatPhc(CHEAP, Buffer.alloc(16, 7), Buffer.alloc(32, 7));
  await appliance.sql('UPDATE credentials SET version = version + 1, phc = $2 WHERE user_id = $1', [
    id,
    changed,
  ]);
  expect(await current.verifier.verify(read, password)).toBe(true);
  await current.verifier.drain();
  expect(await old.find(id)).toMatchObject({ version: 2, phc: changed });
});

test('a promotion never overwrites a password that was changed meanwhile', async () => {
  const workshop = createWorkshop(appliance.core);
  const id = await workshop.addUser(password);
  const read = await workshop.find(id);
  await appliance.sql(
    'UPDATE credentials SET version = version + 1, pending = $2 WHERE user_id = $1',
    [id, Buffer.alloc(32, 9)],
  );
  expect(await workshop.verifier.verify(read, password)).toBe(true);
  expect(await workshop.find(id)).toMatchObject({
    version: 2,
    phc: null,
    pending: Buffer.alloc(32, 9),
  });
});

test('a promotion that cannot be written does not keep its user out', async () => {
  await appliance.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'refused by the test'; END $$`);
  await appliance.sql(`CREATE TRIGGER refuse BEFORE UPDATE ON credentials
    FOR EACH ROW WHEN (NEW.phc IS NOT NULL) EXECUTE FUNCTION refuse()`);
  const workshop = createWorkshop(appliance.core);
  const id = await workshop.addUser(password);
  expect(await workshop.verifier.verify(await workshop.find(id), password)).toBe(true);
  expect(await workshop.verifier.verify(await workshop.find(id), 'wrong password')).toBe(false);
  await appliance.sql('DROP TRIGGER refuse ON credentials');
});
