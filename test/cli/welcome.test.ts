import { expect, test } from 'vitest';
import { loadConfig } from '../../config/index.ts';
import type { Serving } from '../../src/app/start-serve.ts';
import { welcome } from '../../src/cli/welcome.ts';

const serving = { port: 8080, managementPort: 8081, isEmbedded: true } as Serving;
const greeting = (env: Record<string, string>, isEmbedded = true) =>
  welcome(loadConfig({ env }), { ...serving, isEmbedded });

test('what serve proposes to type reaches it: not the address that means all', () => {
  expect(greeting({})).toContain('curl -s http://127.0.0.1:8080/v1/login');
  for (const [host, address] of [
    ['0.0.0.0', '127.0.0.1'],
    ['::', '[::1]'],
  ]) {
    const text = greeting({ AUTHCTL_HOST: host! });
    expect(text).toContain(`curl -s http://${address}:8080/v1/login`);
    expect(text).toContain(`try the API   http://${address}:8080/docs`);
  }
  const published = greeting({
    AUTHCTL_HOST: '0.0.0.0',
    AUTHCTL_PUBLIC_URL: 'http://dev.test:80/',
  });
  expect(published).toContain('curl -s http://dev.test/v1/login');
});

test('whom it proposes to register may register', () => {
  expect(greeting({})).toContain('{"email":"ada@example.com","password":"correct horse');
  expect(greeting({ AUTHCTL_DOMAINS: 'acme.test,acme.example' })).toContain('"ada@acme.test"');
  const strict = greeting({ AUTHCTL_PASSWORD_REQUIRE: 'lower,upper,digit,symbol' });
  const passwords = [...strict.matchAll(/"password":"([^"]*)"/g)].map(([, password]) => password);
  expect(passwords).toHaveLength(2);
  for (const kind of [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-z0-9]/i])
    for (const password of passwords) expect(password).toMatch(kind);
  const nameless = greeting({ AUTHCTL_REGISTRATION_IDENTIFIER: 'username' });
  expect(nameless).toContain('{"username":"ada",');
  expect(nameless).not.toContain('/v1/verify');
});

test('the code is in the data folder only while no mail server is set', () => {
  const { dataDir } = loadConfig({ env: {} });
  expect(greeting({})).toContain(`the code mailed to ${dataDir}/mail\n`);
  expect(greeting({ AUTHCTL_SMTP_URL: 'smtp://mail:1025' })).not.toContain(`${dataDir}/mail`);
});

test('a data folder is only named where something is in it', () => {
  const key = { AUTHCTL_MASTER_KEY: '0123456789abcdeffedcba9876543210'.repeat(2) };
  const mail = { AUTHCTL_SMTP_URL: 'smtp://mail:1025' };
  const names = (env: Record<string, string>, isEmbedded: boolean) =>
    /^data /m.test(greeting(env, isEmbedded));
  expect(names({ ...key, ...mail }, true)).toBe(true);
  expect(names(key, false)).toBe(true);
  expect(names(mail, false)).toBe(true);
  expect(names({ ...key, ...mail }, false)).toBe(false);
  expect(greeting({ ...key, ...mail }, false)).toContain('database      external PostgreSQL');
});
