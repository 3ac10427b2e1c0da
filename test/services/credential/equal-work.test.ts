import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Argon2Engine, Argon2Params } from '../../../src/crypto/argon2/engine.ts';
import { nodeRsEngine } from '../../../src/crypto/argon2/node-rs.ts';
import { phcOfNoPassword } from '../../../src/services/credential/hash-to-phc.ts';
import type { StoredCredential } from '../../../src/services/credential/stored.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { CHEAP, createWorkshop } from './workshop.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance();
});
afterAll(() => appliance.stop());

const PASSWORD = 'correct horse battery staple';
/** Unlike every default, so that a constant somewhere would show. */
const CURRENT: Argon2Params = { ...CHEAP, memoryKib: 96, passes: 3 };

interface Work {
  readonly params: Argon2Params;
  readonly inputBytes: number;
  readonly saltBytes: number;
}

test('a wrong password is hashed alike in every state, with the parameters that are current', async () => {
  const done: Work[] = [];
  const engine: Argon2Engine = {
    ...nodeRsEngine,
    hashRaw(input, salt, params) {
      done.push({ params, inputBytes: input.length, saltBytes: salt.length });
      return nodeRsEngine.hashRaw(input, salt, params);
    },
  };
  const deferring = createWorkshop(appliance.core, { params: CURRENT, engine });
  const hashing = createWorkshop(appliance.core, { params: CURRENT, engine, mode: 'sync' });
  const pending = await deferring.find(await deferring.addUser(PASSWORD));
  const final = await hashing.find(await hashing.addUser(PASSWORD));
  const none = { ...final, salt: null, phc: phcOfNoPassword(CURRENT) };
  const states: Record<string, StoredCredential | null> = {
    'nobody’s': null,
    pending,
    final,
    'without a password': none,
    'of a pepper that is gone': { ...final, pepperKid: 'gone' },
    'of a hash nobody can read': { ...final, phc: '$argon2id$v=19$m=1$x' },
  };
  const expected: Work = { params: CURRENT, inputBytes: 32, saltBytes: 16 };
  for (const [state, stored] of Object.entries(states)) {
    done.length = 0;
    expect(await deferring.verifier.verify(stored, 'wrong horse battery staple'), state).toBe(
      false,
    );
    expect({ state, done }).toEqual({ state, done: [expected] });
  }
});
