import { expect, test } from 'vitest';
import { readUserLine } from '../../../../src/services/user/transfer/read-user-line.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const POLICY = { identifier: 'email', usernames: 'unique', phones: 'collect' } as const;
const BCRYPT = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW';

const read = (line: unknown) =>
  readUserLine(typeof line === 'string' ? line : JSON.stringify(line), POLICY, NOW);

/** `pointer code` of every problem. */
function problemsOf(line: unknown): string[] {
  const user = read(line);
  return Array.isArray(user) ? user.map(({ pointer, code }) => `${pointer} ${code}`) : [];
}

test('a line with every field', () => {
  const line = {
    id: '6F9619FF-8B86-4011-B42D-00C04FC964FF',
    email: ' Ada@Example.COM ',
    username: 'Ada.L',
    phone: '+41 79 123 45 67',
    status: 'locked',
    role: 'editor',
    email_verified: true,
    created_at: '2019-06-30T22:15:00.5+02:00',
    password_hash: BCRYPT,
  };
  expect(read(line)).toEqual({
    id: '6f9619ff-8b86-4011-b42d-00c04fc964ff',
    email: 'ada@example.com',
    username: 'Ada.L',
    usernameKey: 'ada.l',
    phone: '+41791234567',
    status: 'locked',
    role: 'editor',
    emailVerified: true,
    createdAt: new Date('2019-06-30T20:15:00.500Z'),
    passwordHash: BCRYPT,
  });
});

test('only the identifier is needed; null stands for absent', () => {
  const plain = {
    id: null,
    email: 'ada@example.com',
    username: null,
    usernameKey: null,
    phone: null,
    status: 'active',
    role: 'user',
    emailVerified: false,
    createdAt: NOW,
    passwordHash: null,
  };
  expect(read({ email: 'ada@example.com' })).toEqual(plain);
  const nulls = { id: null, username: null, phone: null, status: null, password_hash: null };
  expect(read({ email: 'ada@example.com', ...nulls })).toEqual(plain);
});

const ADA = { email: 'ada@example.com' };

test.each<[unknown, string[]]>([
  ['', [' malformed_json']],
  ['{"email":', [' malformed_json']],
  ['null', [' malformed_json']],
  ['["ada@example.com"]', [' malformed_json']],
  ['"ada@example.com"', [' malformed_json']],
  [{}, ['/email required']],
  [{ email: 'ada@exämple.com' }, ['/email bad_format']],
  [{ email: 'a@example.com,b@example.com' }, ['/email bad_format']],
  [{ email: 'ada@example.com\0' }, ['/email bad_format']],
  [{ email: { $ne: null } }, ['/email bad_format']],
  [{ ...ADA, id: '1' }, ['/id bad_format']],
  [{ ...ADA, id: 1 }, ['/id bad_format']],
  [{ ...ADA, username: 'a' }, ['/username bad_format']],
  [{ ...ADA, phone: '079 123 45 67' }, ['/phone bad_format']],
  [{ ...ADA, status: 'deleted' }, ['/status bad_format']],
  [{ ...ADA, role: 'Root!' }, ['/role bad_format']],
  [{ ...ADA, email_verified: 'true' }, ['/email_verified bad_format']],
  [{ ...ADA, created_at: '2026-02-01' }, ['/created_at bad_format']],
  [{ ...ADA, created_at: '2026-03-01T12:00:01Z' }, ['/created_at bad_format']],
  [{ ...ADA, created_at: '2025-02-30T12:00:00Z' }, ['/created_at bad_format']],
  [{ ...ADA, created_at: 1_700_000_000 }, ['/created_at bad_format']],
  [{ ...ADA, password_hash: 'secret' }, ['/password_hash unknown_format']],
  [{ ...ADA, password_hash: `${BCRYPT}x` }, ['/password_hash malformed']],
  [
    {
      ...ADA,
      password_hash:
        '$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    },
    ['/password_hash too_costly'],
  ],
  [{ ...ADA, totp: 'JBSWY3DPEHPK3PXP' }, ['/totp unknown_field']],
  [{ ...ADA, password: 'secret' }, ['/password unknown_field']],
  ['{"email":"ada@example.com","__proto__":{"role":"root"}}', ['/__proto__ unknown_field']],
  [{ ...ADA, 'a secret/in the wrong place': 1 }, [' unknown_field']],
  [
    { email: 7, status: 'x', role: 'X', created_at: 'x', password_hash: 'x', more: 1 },
    [
      '/more unknown_field',
      '/email bad_format',
      '/status bad_format',
      '/role bad_format',
      '/created_at bad_format',
      '/password_hash unknown_format',
    ],
  ],
])('%j: %j', (line, problems) => {
  expect(problemsOf(line)).toEqual(problems);
});

test('what a line may hold follows the identity policy', () => {
  const policy = { identifier: 'email', usernames: 'off', phones: 'off' } as const;
  const line = JSON.stringify({ ...ADA, username: 'ada', phone: '+41791234567' });
  expect(readUserLine(line, policy, NOW)).toMatchObject([
    { pointer: '/username', code: 'not_allowed' },
    { pointer: '/phone', code: 'not_allowed' },
  ]);
});

test('no problem repeats what the line says', () => {
  const canary = 'canary-7d1f';
  const fields = [
    'id',
    'email',
    'username',
    'phone',
    'status',
    'role',
    'created_at',
    'password_hash',
  ];
  const problems = read(Object.fromEntries(fields.map((name) => [name, `${canary} ${name}`])));
  expect(problems).toHaveLength(fields.length);
  expect(JSON.stringify(problems)).not.toContain(canary);
});
