import { expect, test } from 'vitest';
import { loadConfig } from '../../config/index.ts';
import { toEnvironment } from '../../src/cli/setting-flags.ts';

test('a child process gets the same settings from its environment as its parent from flags', () => {
  const flags = { port: '9000', insecure: false, 'trusted-proxies': '10.0.0.0/8', 'no-setting': 1 };
  const env = { AUTHCTL_PORT: '9001', AUTHCTL_INSECURE: 'on' };
  expect(loadConfig({ env: { ...env, ...toEnvironment(flags) } })).toEqual(
    loadConfig({ env, flags }),
  );
});

test('the file of a secret takes the place of its value', () => {
  const env = toEnvironment({ 'smtp-url-file': '/run/secrets/smtp' });
  expect(env).toEqual({ AUTHCTL_SMTP_URL: '', AUTHCTL_SMTP_URL_FILE: '/run/secrets/smtp' });
});
