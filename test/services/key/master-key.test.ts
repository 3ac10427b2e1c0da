import { chmod, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rotateMasterKey } from '../../../src/app/rotate-master-key.ts';
import { randomBytes } from '../../../src/crypto/random.ts';
import { cliActor } from '../../../src/services/audit/actor.ts';
import { rotateSigning } from '../../../src/services/key/rotate.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { eventually } from '../../support/eventually.ts';
import { QUICK_SIGN_IN, signInAgain, signUp, statusOfMe } from '../../support/sign-in.ts';

const actor = cliActor('tester');
const newSecret = () => randomBytes(32).toString('hex');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp('/tmp/authctl-master-');
});
afterAll(() => rm(folder, { recursive: true }));

const depsOf = ({ core: { db, clock, masters } }: TestAppliance) => ({
  db,
  clock,
  actor,
  loadMasters: masters.load,
});
const rotateMaster = (node: TestAppliance, dryRun = false) =>
  rotateMasterKey(depsOf(node), node.core.masters, { dryRun });

async function expectServes(node: TestAppliance): Promise<void> {
  const user = await signUp(node);
  await signInAgain(node, user);
  expect(await statusOfMe(node, user.access)).toBe(200);
}

/** Everything that a node that must not write could have written. */
async function snapshot(node: TestAppliance): Promise<unknown> {
  const tables = ['instance', 'keys', 'domains', 'audit', 'users', '_prisma_migrations'];
  return Promise.all(tables.map((table) => node.sql(`SELECT * FROM ${table} ORDER BY 1`)));
}

describe('configured master keys', () => {
  const [old, next] = [newSecret(), newSecret()];
  const env = (current: string, following = '') => ({
    ...QUICK_SIGN_IN,
    AUTHCTL_MASTER_KEY: current,
    AUTHCTL_MASTER_KEY_NEXT: following,
  });
  let here: TestAppliance;
  let there: TestAppliance;

  beforeAll(async () => {
    here = await startAppliance({ env: env(old, next) });
    there = await startAppliance({ env: env(old, next), beside: here });
  });
  afterAll(async () => {
    await there.stop();
    await here.stop();
  });

  test('rotate under two nodes, which notice nothing; the old one can go afterwards', async () => {
    const user = await signUp(here);
    const forgetful = await startAppliance({ env: env(old), beside: here });
    const dry = await rotateMaster(here, true);
    const rotated = await rotateMaster(here);
    expect(rotated).toEqual({ ...dry, dry_run: false });
    const masters = await here.sql('SELECT DISTINCT master_kid FROM keys');
    expect(masters).toEqual([{ master_kid: rotated.active_kid }]);

    // Also the node that was not told of the new one serves on, with what it has loaded …
    for (const node of [here, there, forgetful]) {
      here.clock.advance(501);
      expect(await statusOfMe(node, user.access)).toBe(200);
      await expectServes(node);
    }
    // … until there is a key that it cannot open.
    await rotateSigning(depsOf(here), { graceMs: 60_000, dryRun: false });
    here.clock.advance(501);
    const refused = await forgetful.call('/v1/me', { token: user.access });
    expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    const health = await forgetful.call('/health');
    expect(health).toMatchObject({ status: 503, body: { checks: { keys: 'failing' } } });
    await forgetful.stop();

    const moved = await startAppliance({ env: env(next), beside: here });
    await expectServes(moved);
    expect(await statusOfMe(moved, user.access)).toBe(200);
    await moved.stop();
    await expect(rotateMaster(here)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('without a next one there is nothing to rotate to', async () => {
    const node = await startAppliance({ env: env(next), beside: here });
    await expect(rotateMaster(node)).rejects.toMatchObject({ code: 'config_invalid' });
    await node.stop();
  });

  test('a wrong one is refused at start, having written nothing', async () => {
    const before = await snapshot(here);
    for (const wrong of [newSecret(), old])
      await expect(startAppliance({ env: env(wrong), beside: here })).rejects.toMatchObject({
        code: 'key_mismatch',
        exitCode: 2,
      });
    expect(await snapshot(here)).toEqual(before);
  });

  test.each([
    '',
    'short',
    '0'.repeat(64),
    'changeme-changeme-changeme-changeme',
    newSecret().slice(1),
  ])('one that is no key is refused: %j', async (text) => {
    const generated = { AUTHCTL_DATA_DIR: await mkdtemp(join(folder, 'none-')) };
    await expect(
      startAppliance({ env: { ...env(text), ...generated }, beside: here }),
    ).rejects.toMatchObject({ exitCode: 2 });
  });
});

describe('a generated master key', () => {
  let node: TestAppliance;
  let env: Record<string, string>;
  let file: string;
  let nextFile: string;

  beforeAll(async () => {
    const dataDir = await mkdtemp(join(folder, 'data-'));
    env = { ...QUICK_SIGN_IN, AUTHCTL_MASTER_KEY: '', AUTHCTL_DATA_DIR: dataDir };
    file = join(dataDir, 'master.key');
    nextFile = join(dataDir, 'master.next.key');
    node = await startAppliance({ env });
  });
  afterAll(() => node.stop());

  test('is for its owner alone', async () => {
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('rotates under two nodes; many rotations at once happen one after the other', async () => {
    const beside = await startAppliance({ env, beside: node });
    const before = await readFile(file, 'utf8');
    expect(await rotateMaster(node, true)).toMatchObject({ dry_run: true, active_kid: null });
    expect(await readFile(file, 'utf8')).toBe(before);

    const done = new AbortController();
    const failures: unknown[] = [];
    const load = [node, beside].map(async (on) => {
      while (!done.signal.aborted) await expectServes(on).catch((error) => failures.push(error));
    });
    const rotations = await Promise.all([node, beside, node].map((on) => rotateMaster(on)));
    await rotateSigning(depsOf(node), { graceMs: 60_000, dryRun: false });
    await eventually('both nodes have read the keys again', () => node.core.keys.ageMs() < 500);
    done.abort();
    await Promise.all(load);

    expect(failures).toEqual([]);
    expect(new Set(rotations.map(({ active_kid }) => active_kid)).size).toBe(3);
    expect(await readFile(file, 'utf8')).not.toBe(before);
    await expect(stat(nextFile)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const restarted = await startAppliance({ env, beside: node });
    await expectServes(restarted);
    await restarted.stop();
    await beside.stop();
  });

  test('whose rotation was killed before the file took its place: nodes start, and the next one finishes it', async () => {
    const old = await readFile(file, 'utf8');
    await rotateMaster(node);
    await rename(file, nextFile);
    await writeFile(file, old, { mode: 0o600 });
    const started = await startAppliance({ env, beside: node });
    await expectServes(started);
    await rotateMaster(started);
    await started.stop();
    await expectServes(await startAndStop());
  });

  test('whose rotation was killed before anything was sealed: the old key stays right', async () => {
    await writeFile(nextFile, `${newSecret()}\n`, { mode: 0o600 });
    await expectServes(await startAndStop());
    await rotateMaster(node);
    await expectServes(await startAndStop());
  });

  test('that others may read is refused, and so is one that is gone, is broken or is another', async () => {
    const right = await readFile(file, 'utf8');
    const before = await snapshot(node);
    const start = () => startAppliance({ env, beside: node });

    await chmod(file, 0o644);
    await expect(start()).rejects.toMatchObject({
      code: 'config_invalid',
      hint: `chmod 600 ${file}`,
    });
    await chmod(file, 0o600);

    for (const wrong of [`${newSecret()}\n`, 'garbage', '']) {
      await writeFile(file, wrong);
      await expect(start()).rejects.toMatchObject({ exitCode: 2 });
    }
    await rm(file);
    await expect(start()).rejects.toMatchObject({ code: 'key_mismatch', exitCode: 2 });
    // Nothing took its place: a new key here would look like the answer and lose every account.
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });

    // The running node works on with what it has.
    node.clock.advance(501);
    await expectServes(node);
    await node.core.domains.set(actor, 'open.example', 'none');
    node.clock.advance(501);
    await expectServes(node);

    await writeFile(file, right, { mode: 0o600 });
    const after = (await snapshot(node)) as unknown[][];
    expect(after.slice(1, 3)).toEqual((before as unknown[][]).slice(1, 3));
    await expectServes(await startAndStop());
  });

  async function startAndStop(): Promise<TestAppliance> {
    const started = await startAppliance({ env, beside: node });
    await expectServes(started);
    await started.stop();
    return node;
  }
});
