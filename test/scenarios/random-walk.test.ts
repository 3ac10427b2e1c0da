import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isSignedIn, logIn } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { seed } from '../support/seed.ts';
import { STEPS } from './walk/steps.ts';
import { createWorld, type Pick, type World } from './walk/world.ts';

const WALK_FOR_MS = 30_000;

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({ env: { AUTHCTL_ACCESS_TTL: '24h' } });
});
afterAll(() => appliance.stop());

/** What a request is made of, of the things at hand: mostly the newest that fits, at times any. */
const choice = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.nat(30) },
);
const choices = fc.array(choice, { maxLength: 6 });
const step = fc.tuple(fc.constantFrom(...Object.keys(STEPS)), choices);

/** Steps that lead somewhere, for a walk of single ones would seldom arrive. */
const WAYS = [
  ['forgot', 'forgotVerify', 'reset'],
  ['forgot', 'resend', 'forgotVerify', 'reset'],
  ['login', 'beginTotp', 'confirmTotp', 'login', 'twoFactor'],
  ['login', 'twoFactor', 'disableTotp'],
  ['login', 'twoFactor', 'changeEmail', 'verifyEmail'],
  ['changePassword', 'login', 'twoFactor', 'regenerate'],
];
const way = fc
  .constantFrom(...WAYS)
  .chain((names) => fc.tuple(...names.map((name) => detour(fc.tuple(fc.constant(name), choices)))))
  .map((parts) => parts.flat());

/** The step, or another one before it. */
function detour(next: typeof step): fc.Arbitrary<[string, number[]][]> {
  const straight = next.map((one) => [one]);
  return fc.oneof(
    { weight: 4, arbitrary: straight },
    { weight: 1, arbitrary: fc.tuple(step, next) },
  );
}
const walk = fc
  .array(
    fc.oneof(
      way,
      step.map((one) => [one]),
    ),
    { minLength: 10, maxLength: 30 },
  )
  .map((parts) => parts.flat());

/**
 * Whoever walks has all that anybody was ever shown or mailed, and mixes it freely. A password
 * changes only with that user's mailed secret or current password; a session is opened only for a
 * user whose password, and factor where there is one, was proved; nobody gets another's.
 */
test(`two users, any order of requests (TEST_SEED=${seed})`, { timeout: 90_000 }, async () => {
  const succeeded = new Set<string>();
  await fc.assert(
    fc.asyncProperty(walk, async (steps) => {
      const world = await createWorld(appliance, succeeded);
      for (const [name, numbers] of steps) await STEPS[name]!(world, picker(numbers));
      await compare(world);
    }),
    { seed, numRuns: 10_000, interruptAfterTimeLimit: WALK_FOR_MS, endOnFailure: true },
  );
  // It got somewhere: a walk that is refused everywhere proves nothing.
  expect([...succeeded]).toEqual(expect.arrayContaining(['/v1/password/reset', '/v1/me/password']));
});

/** Picks by the numbers drawn, counted from the newest; the newest when they have run out. */
function picker(numbers: readonly number[]): Pick {
  const rest = [...numbers];
  return (from) => from[from.length - 1 - ((rest.shift() ?? 0) % Math.max(1, from.length))];
}

/** The truth of the walk against the truth of the appliance. */
async function compare({ people, sessions, passwords }: World): Promise<void> {
  for (const { email, password, secret, id } of people) {
    const { body } = await logIn(appliance, { email, password });
    expect(body.status).toBe(secret ? 'two_factor_required' : 'authenticated');
    if (!secret) expect(body.user.id).toBe(id);
    const others = passwords.filter((other) => other !== password).slice(-3);
    for (const other of others)
      expect((await logIn(appliance, { email, password: other })).status).toBe(401);
  }
  for (const { token, isAlive } of sessions)
    expect(await isSignedIn(appliance, token)).toBe(isAlive);
}
