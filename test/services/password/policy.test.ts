import { expect, test } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { createCommonPasswords } from '../../../src/services/password/common-passwords.ts';
import { createPasswordPolicy, type PasswordRules } from '../../../src/services/password/policy.ts';

const NOBODY = { email: null, username: null };

function policy(rules: Partial<PasswordRules> = {}) {
  return createPasswordPolicy({
    minLength: 8,
    required: [],
    serviceNames: [],
    common: createCommonPasswords(),
    breaches: null,
    ...rules,
  });
}

/** `code/pointer/field code` of every problem, or `ok`. */
async function verdict(
  password: string,
  rules: Partial<PasswordRules> = {},
  pointer?: string,
): Promise<string | string[]> {
  try {
    await policy(rules).check(password, NOBODY, pointer);
    return 'ok';
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return (error.fields ?? []).map((field) => `${error.code} ${field.pointer} ${field.code}`);
  }
}

const TOO_SHORT = ['validation_failed /password too_short'];
const TOO_LONG = ['validation_failed /password too_long'];

test.each([
  ['ASCII', 'x7gQ2mWz'],
  ['emoji outside the basic plane', '🦊🐻🐼🦁🐯🐨🐮🐷'],
  ['combining marks', 'x\u0301q\u0300k\u0302z\u0308'],
  ['Hebrew, right to left', 'שלוםעולם'],
])('exactly 8 code points of %s pass, one fewer is refused', async (_, password) => {
  expect(await verdict(password)).toBe('ok');
  expect(await verdict([...password].slice(1).join(''))).toEqual(TOO_SHORT);
});

test('the configured minimum counts', async () => {
  expect(await verdict('kestrelfjordmi', { minLength: 15 })).toEqual(TOO_SHORT);
  expect(await verdict('kestrelfjordmix', { minLength: 15 })).toBe('ok');
});

test('256 code points and 1,024 bytes pass, one more of either is refused', async () => {
  expect(await verdict('ab'.repeat(128))).toBe('ok');
  expect(await verdict('🦊'.repeat(256))).toBe('ok');
  expect(await verdict(`${'ab'.repeat(128)}c`)).toEqual(TOO_LONG);
  expect(await verdict('🦊'.repeat(257))).toEqual(TOO_LONG);
  expect(await verdict('a'.repeat(1_000_000))).toEqual(TOO_LONG);
});

test('accents typed apart count as one with their letter: it is the same password', async () => {
  const longest = 'éàü'.repeat(85);
  for (const form of ['NFC', 'NFD']) expect(await verdict(longest.normalize(form))).toBe('ok');
  expect(await verdict(`${longest}éà`.normalize('NFD'))).toEqual(TOO_LONG);
});

test('accents typed apart make no password long enough', async () => {
  for (const form of ['NFC', 'NFD']) {
    expect(await verdict('éàôüïñö'.normalize(form))).toEqual(TOO_SHORT);
    expect(await verdict('éàôüïñöç'.normalize(form))).toBe('ok');
  }
});

test('NUL and half a surrogate pair are refused wherever a password comes from', async () => {
  expect(await verdict('kestrel\0fjord')).toEqual(['validation_failed /password nul']);
  expect(await verdict('kestrel\ud83efjord')).toEqual([
    'validation_failed /password lone_surrogate',
  ]);
});

test('no composition is asked for by default', async () => {
  expect(await verdict('vqmdhrtwzkxbnpf')).toBe('ok');
  expect(await verdict('93758162049281')).toBe('ok');
});

test('required kinds of character: every one that is missing is named', async () => {
  const required = ['lower', 'upper', 'digit', 'symbol'] as const;
  const missing = (kind: string) => `password_too_weak /password ${kind}_missing`;
  expect(await verdict('kestrelfjord', { required })).toEqual(
    ['upper', 'digit', 'symbol'].map(missing),
  );
  expect(await verdict('KESTREL-FJORD 7', { required })).toEqual([missing('lower')]);
  expect(await verdict('Kestrel fjord 7', { required })).toBe('ok');
  expect(await verdict('Ünïcødé-ÑANDÚ-٣', { required })).toBe('ok');
});

test('every weakness is reported at once, at the field that holds the password', async () => {
  const rules = { required: ['digit'], serviceNames: ['Sunshine'] } as const;
  expect(await verdict('SUNSHINE', rules, '/new_password')).toEqual([
    'password_too_weak /new_password digit_missing',
    'password_too_weak /new_password common',
    'password_too_weak /new_password personal',
  ]);
});

test('the network is asked only about passwords that pass everything else', async () => {
  const asked: string[] = [];
  const breaches = {
    async isKnown(password: string) {
      asked.push(password);
      return password.startsWith('leaked');
    },
  };
  expect(await verdict('password1', { breaches })).toEqual(['password_too_weak /password common']);
  expect(await verdict('short', { breaches })).toEqual(TOO_SHORT);
  expect(asked).toEqual([]);
  expect(await verdict('leaked kestrel', { breaches })).toEqual([
    'password_breached /password breached',
  ]);
  expect(await verdict('quiet kestrel', { breaches })).toBe('ok');
  expect(asked).toEqual(['leaked kestrel', 'quiet kestrel']);
});
