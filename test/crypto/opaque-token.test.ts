import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { createOpaqueToken, digestOpaqueToken } from '../../src/crypto/opaque-token.ts';

it('makes a token whose stored digest is found again', () => {
  const { token, digest } = createOpaqueToken('ft_');
  expect(token).toMatch(/^ft_[A-Za-z0-9_-]{43}$/);
  expect(digest).toEqual(createHash('sha256').update(token).digest());
  expect(digestOpaqueToken('ft_', token)).toEqual(digest);
});

it('never takes one kind of token for another', () => {
  const { token, digest } = createOpaqueToken('ft_');
  expect(digestOpaqueToken('op_', token)).toBeNull();
  expect(digestOpaqueToken('op_', `op_${token.slice(3)}`)).not.toEqual(digest);
});

it('refuses every text that cannot be a token, other spellings included', () => {
  const { token } = createOpaqueToken('ft_');
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const bytes = Buffer.from(token.slice(3), 'base64url');
  const respelled = [...alphabet]
    .map((last) => token.slice(0, -1) + last)
    .filter((text) => text !== token && Buffer.from(text.slice(3), 'base64url').equals(bytes));
  expect(respelled).toHaveLength(3);
  for (const text of [
    ...respelled,
    '',
    'ft_',
    `${token}=`,
    `${token}\n`,
    token.slice(0, -1),
    `ft_${'+'.repeat(43)}`,
  ])
    expect(digestOpaqueToken('ft_', text)).toBeNull();
});
