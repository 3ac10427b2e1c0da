import { execFileSync } from 'node:child_process';
import { pbkdf2Sync, scryptSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../src/lib/package-root.ts';
import { logIn } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { runBeside } from '../support/cli.ts';
import { whyNoTool } from '../support/machine-tool.ts';

const whyNot = whyNoTool('jq');
const page = readFileSync(join(packageRoot(), 'docs/import.md'), 'utf8');
const recipes = [...page.matchAll(/```sh\n(jq [\s\S]*?)```/g)].map((match) => match[1]!);
const PASSWORD = 'password';

let appliance: TestAppliance;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'authctl-recipes-'));
  appliance = await startAppliance();
});
afterAll(async () => {
  await appliance.stop();
  rmSync(folder, { recursive: true });
});

/** Runs the recipe that reads this file, and imports what it wrote. */
async function follow(file: string, text: string) {
  const recipe = recipes.find((candidate) => candidate.includes(` ${file} `))!;
  writeFileSync(join(folder, file), text);
  execFileSync('bash', ['-euc', recipe], { cwd: folder });
  return runBeside(appliance, ['users', 'import', join(folder, 'users.ndjson')]);
}

const statusOf = async (email: string) => {
  const { status } = await logIn(appliance, { email, password: PASSWORD });
  return status;
};

test.skipIf(whyNot)('users of Keycloak come with their passwords', async () => {
  const salt = Buffer.from('sixteen bytes ok');
  const sha512 = pbkdf2Sync(PASSWORD, salt, 1_000, 64, 'sha512').toString('base64');
  const user = (name: string, enabled: boolean, ...credentials: unknown[]) => ({
    username: name,
    email: `${name}@keycloak.example`,
    emailVerified: true,
    enabled,
    createdTimestamp: 1_700_000_000_000,
    credentials,
  });
  const credential = (secret: object, how: object) => ({
    type: 'password',
    secretData: JSON.stringify(secret),
    credentialData: JSON.stringify(how),
  });
  const pbkdf2 = credential(
    { value: sha512, salt: salt.toString('base64'), additionalParameters: {} },
    { hashIterations: 1_000, algorithm: 'pbkdf2-sha512', additionalParameters: {} },
  );
  // From phc-winner-argon2, in Keycloak's spelling: with padding.
  const argon2 = credential(
    { value: 'CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc=', salt: 'c29tZXNhbHQ=' },
    {
      hashIterations: 2,
      algorithm: 'argon2',
      additionalParameters: {
        hashLength: ['32'],
        memory: ['65536'],
        type: ['id'],
        version: ['1.3'],
        parallelism: ['1'],
      },
    },
  );
  const users = [
    user('old', true, { type: 'otp', secretData: '{}', credentialData: '{}' }, pbkdf2),
    user('new', true, argon2),
    user('gone', false, argon2),
    { ...user('bare', true), credentials: undefined },
  ];
  const imported = await follow('realm.json', JSON.stringify({ realm: 'shop', users }));
  expect(imported).toMatchObject({ code: 0, stderr: '' });
  const statuses = await Promise.all(
    ['old', 'new', 'gone', 'bare'].map((name) => statusOf(`${name}@keycloak.example`)),
  );
  expect(statuses).toEqual([200, 200, 403, 401]);
});

test.skipIf(whyNot)('users of better-auth come with their passwords', async () => {
  // It takes the salt's hexadecimal text for the salt.
  const salt = '00112233445566778899aabbccddeeff';
  const options = { N: 16_384, r: 16, p: 1, maxmem: 2 ** 27 };
  const key = scryptSync(PASSWORD, salt, 64, options).toString('hex');
  const account = {
    email: 'ada@better-auth.example',
    emailVerified: true,
    createdAt: '2024-01-02T03:04:05.000Z',
    password: `${salt}:${key}`,
  };
  const imported = await follow('accounts.ndjson', `${JSON.stringify(account)}\n`);
  expect(imported).toMatchObject({ code: 0, stderr: '' });
  expect(await statusOf(account.email)).toBe(200);
});
