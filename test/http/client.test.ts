import { describe, expect, test } from 'vitest';
import { createClientResolver } from '../../src/http/client.ts';

const PROXIES = ['10.0.0.0/8', '192.168.1.1', 'fd00::/8', '2001:db8:ffff::1'];

describe('without trusted proxies', () => {
  const resolve = createClientResolver([]);

  test.each(['203.0.113.9', 'a', '', '127.0.0.1', '1.1.1.1, 2.2.2.2', 'x'.repeat(10_000)])(
    'the peer is the client, whatever X-Forwarded-For says: %.30s',
    (header) => {
      expect(resolve('198.51.100.7', header).ip).toBe('198.51.100.7');
    },
  );

  test('a socket that is already closed has an address nobody has', () => {
    expect(resolve(undefined, undefined).ip).toBe('0.0.0.0');
  });
});

describe('with trusted proxies', () => {
  const resolve = createClientResolver(PROXIES);

  test.each([
    // peer, header, client
    ['198.51.100.7', '203.0.113.9', '198.51.100.7'],
    ['10.0.0.1', undefined, '10.0.0.1'],
    ['10.0.0.1', '', '10.0.0.1'],
    ['10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '  203.0.113.9  ', '203.0.113.9'],
    ['::ffff:10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['fd00::1', '2001:db8::5', '2001:db8::5'],
    ['10.0.0.1', '203.0.113.9, 10.1.1.1, 192.168.1.1', '203.0.113.9'],
    ['10.0.0.1', '10.1.1.1, 10.2.2.2', '10.1.1.1'],
    // What the client itself wrote stands left of what the first proxy saw.
    ['10.0.0.1', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '10.9.9.9, 203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', 'junk, 203.0.113.9', '203.0.113.9'],
    // Junk where a proxy should have written ends the walk at the last hop we trust.
    ['10.0.0.1', 'a', '10.0.0.1'],
    ['10.0.0.1', '203.0.113.9, a', '10.0.0.1'],
    ['10.0.0.1', '203.0.113.9,', '10.0.0.1'],
    ['10.0.0.1', '203.0.113.9, a, 10.2.2.2', '10.2.2.2'],
    // Some proxies write the port, too.
    ['10.0.0.1', '203.0.113.9:8080', '203.0.113.9'],
    ['10.0.0.1', '203.0.113.9:8080, 10.2.2.2:443', '203.0.113.9'],
    ['10.0.0.1', '[2001:db8::5]:50123', '2001:db8::5'],
    ['10.0.0.1', '[2001:db8::5]', '2001:db8::5'],
    ['10.0.0.1', '203.0.113.9:', '10.0.0.1'],
    ['10.0.0.1', '203.0.113.9:808080', '10.0.0.1'],
    ['10.0.0.1', '203.0.113.9:80:80', '10.0.0.1'],
    ['10.0.0.1', '[203.0.113.9:80', '10.0.0.1'],
    ['10.0.0.1', '[]:80', '10.0.0.1'],
    ['10.0.0.1', 'localhost:80', '10.0.0.1'],
    ['10.0.0.1', '0x7f.1', '10.0.0.1'],
    ['10.0.0.1', '010.1.1.1', '10.0.0.1'],
    ['10.0.0.1', '1', '10.0.0.1'],
    ['10.0.0.1', 'x'.repeat(10_000), '10.0.0.1'],
    ['10.0.0.1', ','.repeat(10_000), '10.0.0.1'],
    ['10.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '::ffff:cb00:7109', '203.0.113.9'],
  ])('peer %s, header %.60s: the client is %s', (peer, header, client) => {
    expect(resolve(peer, header).ip).toBe(client);
  });
});

describe('the networks that limits count by', () => {
  const resolve = createClientResolver([]);

  test('an IPv4 client: itself for the Guardian, its /24 for logins', () => {
    expect(resolve('203.0.113.9', undefined)).toEqual({
      ip: '203.0.113.9',
      network: '203.0.113.0/24',
      limitKey: '203.0.113.9',
      ceilingKey: null,
    });
  });

  test('an IPv6 client: its /64 for both, under the ceiling of its /48', () => {
    const expected = {
      network: '2001:db8:1:2::/64',
      limitKey: '2001:db8:1:2::/64',
      ceilingKey: '2001:db8:1::/48',
    };
    expect(resolve('2001:db8:1:2:aaaa::1', undefined)).toMatchObject(expected);
    expect(resolve('2001:0DB8:0001:0002::ffff', undefined)).toMatchObject(expected);
  });

  test('an IPv4-mapped address counts as the IPv4 address, however it is spelt', () => {
    for (const spelling of ['::ffff:203.0.113.9', '::ffff:cb00:7109', '::FFFF:203.0.113.9'])
      expect(resolve(spelling, undefined).limitKey).toBe('203.0.113.9');
  });

  test('a zone id is dropped', () => {
    expect(resolve('fe80::1%eth0', undefined).ip).toBe('fe80::1');
  });
});

test('an entry that is no CIDR is refused when the resolver is made', () => {
  expect(() => createClientResolver(['10.0.0.0/33'])).toThrow(TypeError);
  expect(() => createClientResolver(['proxy.example.com'])).toThrow(TypeError);
});
