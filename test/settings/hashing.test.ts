import { afterAll, beforeAll, expect, test } from 'vitest';
import { newAddress, PASSWORD } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({
    env: {
      AUTHCTL_WORKER_NICE: '0',
      AUTHCTL_HASH_MODE: 'deferred',
      AUTHCTL_HASH_PARALLELISM: '2',
      AUTHCTL_HASH_ENGINE: 'argon2',
      AUTHCTL_HASH_MAX_TRIES: '1',
    },
  });
  await appliance.startWorker();
});
afterAll(() => appliance.stop());

interface Stored extends Record<string, unknown> {
  phc: string | null;
  attempts: number;
  parked: boolean;
}

/** Registers an account; its credential as it is when it satisfies the condition. */
async function credentialWhen(what: string, isSo: (stored: Stored) => boolean): Promise<Stored> {
  const email = newAddress('open.example');
  const { status } = await appliance.call('/v1/register', { body: { email, password: PASSWORD } });
  expect(status).toBe(201);
  let stored: Stored | undefined;
  await eventually(what, async () => {
    [stored] = await appliance.sql<Stored>(
      `SELECT phc, attempts, parked_at IS NOT NULL AS parked
       FROM credentials JOIN users ON id = user_id WHERE email = $1`,
      [email],
    );
    return isSo(stored!);
  });
  return stored!;
}

test('hash.parallelism: two lanes', async () => {
  const { phc } = await credentialWhen('it is hardened', ({ phc }) => phc !== null);
  expect(phc).toContain(',p=2$');
});

test('hash.engine: the library asked for does the work, the other one is not even loaded', () => {
  const { sharedObjects } = process.report.getReport() as { sharedObjects: string[] };
  const bindings = sharedObjects.filter((path) => path.includes('argon2'));
  expect(bindings).toEqual([expect.stringContaining('node_modules/argon2/')]);
});

test('hash.max_tries: one failure parks', async () => {
  await appliance.sql(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE 'no hash today'; END $$`,
  );
  await appliance.sql(
    `CREATE TRIGGER refuse_hashes BEFORE UPDATE ON credentials FOR EACH ROW
     WHEN (NEW.phc IS NOT NULL) EXECUTE FUNCTION refuse()`,
  );
  const { attempts } = await credentialWhen('it is parked', ({ parked }) => parked);
  expect(attempts).toBe(1);
});
