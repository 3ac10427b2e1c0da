import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { envName, fieldPath, flagName, SETTING_NAMES } from '../../config/names.ts';
import { SETTING_GROUPS, SETTINGS } from '../../config/schema.ts';
import { Secret } from '../../config/secret.ts';
import type { Setting } from '../../config/setting.ts';

const rows = SETTING_NAMES.map((name) => [name, SETTINGS[name] as Setting] as const);

describe('the table of settings', () => {
  test.each(rows)('%s: its default and example are valid, its sentence is one', (_, setting) => {
    if (setting.default) expect(setting.parse(setting.default)).not.toBeUndefined();
    const isRecipe = setting.example.startsWith('the output of');
    if (!isRecipe) expect(setting.parse(setting.example)).not.toBeUndefined();
    expect(setting.about).toMatch(/^[A-Z].*\.$/);
    expect(setting.default || setting.without).toBeTruthy();
  });

  test.each(rows)('%s: what it prints can be read again', (_, setting) => {
    if (setting.kind === 'secret' || !setting.example) return;
    const value = setting.parse(setting.example);
    expect(setting.parse(setting.print(value))).toEqual(value);
  });

  test('every setting is in one group, and the groups are in the order of the whole', () => {
    const grouped = SETTING_GROUPS.flatMap(({ settings }) => Object.keys(settings));
    expect(grouped).toEqual(SETTING_NAMES);
  });

  test('no two settings share a variable, a flag or a field', () => {
    for (const form of [
      envName,
      flagName,
      (name: (typeof rows)[0][0]) => fieldPath(name).join('.'),
    ]) {
      const forms = SETTING_NAMES.map(form);
      expect(new Set(forms).size).toBe(forms.length);
    }
  });

  test('a name has one form in each place', () => {
    expect(envName('hash.backlog_max_age')).toBe('AUTHCTL_HASH_BACKLOG_MAX_AGE');
    expect(flagName('hash.backlog_max_age')).toBe('hash-backlog-max-age');
    expect(fieldPath('hash.backlog_max_age')).toEqual(['hash', 'backlogMaxAgeMs']);
    expect(envName('management.host')).toBe('AUTHCTL_MANAGEMENT_HOST');
  });

  test.each([
    ['trusted_proxies', ['10.0.0.0/33', 'example.com', '1.2.3', '10.0.0.0/8,x']],
    ['cors.origins', ['*', 'example.com', 'https://a.example/', 'https://a.example/path', 'null']],
    ['domains', ['localhost', 'exa mple.com', '-a.com', 'a..com', '@example.com']],
    ['kafka.brokers', ['broker', 'broker:0', 'broker:70000', 'http://broker:9092']],
    [
      'public_url',
      ['example.com', 'ftp://a.example', 'https://u:p@a.example', 'https://a.example?x'],
    ],
    ['mail.from', ['Someone', 'a@b\nBcc: c@d', 'Name <a@b', 'a@b>', 'a@b, c@d']],
    ['issuer', ['no-scheme', 'https://with space']],
    ['password.require', ['vowel', 'lower,vowel']],
    // With one try a wait would never double: it fills up with the hit that begins it.
    ['login.tries', ['0', '1', '1001']],
    ['port', ['-1', '65536', '8080.5', '0x10', '1e3', ' ']],
    ['refresh.grace', ['1 s', '-1s', '1.5s', 's', '30']],
    ['insecure', ['maybe', '2']],
    ['data_dir', ['a\0b']],
  ] as const)('%s refuses what is not one', (name, values) => {
    for (const value of values) expect(SETTINGS[name].parse(value), value).toBeUndefined();
  });
});

describe('a secret', () => {
  test('is masked however it is printed, and only reveal() gives it up', () => {
    const secret = new Secret('canary');
    const printed = [
      `${secret}`,
      JSON.stringify({ secret }),
      inspect({ secret }, { showHidden: true }),
    ];
    expect(printed.join()).not.toContain('canary');
    expect(secret.reveal()).toBe('canary');
  });
});
