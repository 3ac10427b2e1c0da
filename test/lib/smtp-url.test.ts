import { expect, test } from 'vitest';
import { parseSmtpUrl } from '../../src/lib/smtp-url.ts';

test('smtps is TLS from the first byte, on port 465 unless one is given', () => {
  expect(parseSmtpUrl('smtps://mail.example.com')).toEqual({
    host: 'mail.example.com',
    port: 465,
    tls: 'implicit',
    credentials: null,
  });
  expect(parseSmtpUrl('smtps://mail.example.com:4465').port).toBe(4465);
});

test('smtp takes STARTTLS when offered, and insists on it where a password would cross a network', () => {
  expect(parseSmtpUrl('smtp://relay.internal:25')).toMatchObject({
    port: 25,
    tls: 'opportunistic',
  });
  expect(parseSmtpUrl('smtp://a:b@mail.example.com')).toMatchObject({ port: 587, tls: 'required' });
  expect(parseSmtpUrl('smtp://a:b@localhost')).toMatchObject({ tls: 'opportunistic' });
  expect(parseSmtpUrl('smtp://a:b@127.0.0.1')).toMatchObject({ tls: 'opportunistic' });
  expect(parseSmtpUrl('smtp://a:b@127.0.0.1.example.com')).toMatchObject({ tls: 'required' });
});

test('the word in the URL decides', () => {
  expect(parseSmtpUrl('smtp://a:b@mail.example.com?tls=opportunistic').tls).toBe('opportunistic');
  expect(parseSmtpUrl('smtp://mail.example.com?tls=required').tls).toBe('required');
  expect(parseSmtpUrl('smtp://mail.example.com?tls=off').tls).toBe('off');
  expect(parseSmtpUrl('smtps://mail.example.com?tls=required').tls).toBe('implicit');
});

test('user and password may hold any character, escaped', () => {
  expect(parseSmtpUrl('smtps://no-reply%40shop.example:p%3A%2F%40%C3%A9@[::1]')).toMatchObject({
    host: '::1',
    credentials: { user: 'no-reply@shop.example', password: 'p:/@é' },
  });
});

test.each([
  'smtp://a:s3cret@mail.example.com?tls=maybe',
  'smtp://a:s3cret@mail.example.com?secure=true',
  'smtps://a:s3cret@mail.example.com?tls=off',
  'smtp://?tls=off',
])('what it does not know is refused, without showing the URL: %s', (url) => {
  expect(() => parseSmtpUrl(url)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  expect(() => parseSmtpUrl(url)).not.toThrow(/s3cret/);
});
