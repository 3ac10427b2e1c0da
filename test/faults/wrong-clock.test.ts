import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomCode } from '../../src/crypto/random.ts';
import { call, MASTER_KEY } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { createWrongClock, type WrongClock, whyNoFaketime } from '../support/faketime.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { createInstallation, type Installation, type Serving } from '../support/process.ts';
import { PASSWORD, QUICK_SIGN_IN } from '../support/sign-in.ts';

const DEADLINE_MS = 60_000;

describe.skipIf(whyNoFaketime)('two machines on one database, one clock wrong', () => {
  let database: TestDatabase;
  let clock: WrongClock;
  const installations: Installation[] = [];
  let right: Serving;
  let wrong: Serving;

  async function install(env: Record<string, string> = {}): Promise<Installation> {
    const installation = await createInstallation({
      ...QUICK_SIGN_IN,
      AUTHCTL_DATABASE_URL: database.connectionString,
      AUTHCTL_MASTER_KEY: MASTER_KEY,
      AUTHCTL_LOG_LEVEL: 'warn',
      ...env,
    });
    installations.push(installation);
    return installation;
  }

  beforeAll(async () => {
    database = await createTestDatabase();
    clock = createWrongClock('+90s');
    const machine = await install();
    await machine.run('domains', 'add', 'open.example', '--trust', '--verification', 'none');
    await machine.run('domains', 'add', 'example.com', '--trust');
    right = await machine.serve();
    wrong = await (await install(clock.env)).serve('--no-worker');
  }, DEADLINE_MS);
  afterAll(async () => {
    for (const installation of installations) await installation.remove();
    await database.drop();
    clock.remove();
  });

  async function register(on: Serving, domain = 'open.example') {
    const email = `${randomCode(12).toLowerCase()}@${domain}`;
    const answer = await call(`${on.url}/v1/register`, { body: { email, password: PASSWORD } });
    expect([201, 202]).toContain(answer.status);
    return { email, ...answer.body.tokens };
  }

  const refresh = (on: Serving, refresh_token: string) =>
    call(`${on.url}/v1/token/refresh`, { body: { refresh_token } });
  const statusOfMe = async (on: Serving, token: string) =>
    (await call(`${on.url}/v1/me`, { token })).status;

  test('the machine says so at its start', () => {
    expect(wrong.log()).toContain("this machine's clock is wrong");
    expect(right.log()).not.toContain('clock');
  });

  test('a refresh whose answer was lost is retried on the other machine', async () => {
    for (const [first, second] of [
      [right, wrong],
      [wrong, right],
    ] as const) {
      const { refresh_token } = await register(first);
      const lost = await refresh(first, refresh_token);
      const retried = await refresh(second, refresh_token);
      expect(retried).toMatchObject({ status: 200, body: lost.body });
    }
  });

  test('tokens of each are good on the other', async () => {
    const ofWrong = await register(wrong);
    expect(await statusOfMe(right, ofWrong.access_token)).toBe(200);
    const ofRight = await register(right);
    expect(await statusOfMe(wrong, ofRight.access_token)).toBe(200);
  });

  test('a mail that the wrong one wrote leaves at once', async () => {
    const { email } = await register(wrong, 'example.com');
    await eventually('the right one sends it', async () => {
      const list = JSON.parse(await installations[0]!.run('mail', 'list', '--json'));
      const mail = list.mails.find((row: { recipient: string }) => row.recipient === email);
      return mail?.status === 'sent';
    });
  });

  test(
    'set forward and back by an hour while it runs, nothing ends, comes back or waits',
    async () => {
      const before = await register(wrong);
      let { refresh_token, access_token } = before;
      for (const offset of ['+1h', '-1h', '-1s', '+0s']) {
        clock.set(offset);
        expect(await statusOfMe(wrong, access_token)).toBe(200);
        const next = await refresh(wrong, refresh_token);
        expect(next.status).toBe(200);
        ({ refresh_token, access_token } = next.body.tokens);
        const login = { email: before.email, password: PASSWORD };
        expect((await call(`${wrong.url}/v1/login`, { body: login })).status).toBe(200);
      }
      // The oldest token is long used up, and no clock brings it back.
      expect((await refresh(right, before.refresh_token)).status).toBe(401);
      expect(await statusOfMe(right, access_token)).toBe(401);
    },
    DEADLINE_MS,
  );
});
