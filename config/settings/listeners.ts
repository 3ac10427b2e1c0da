import { cidr, origin } from '../list-items.ts';
import { duration, httpUrl, integer, list, type Setting, text, toggle } from '../setting.ts';

/** Where and for whom it listens. */
export const listeners = {
  host: text({
    about: 'Address the public listener binds to.',
    default: '127.0.0.1',
    example: '0.0.0.0',
    expects: 'an address or host name',
    form: /^[\w.:-]{1,253}$/,
  }),
  port: integer({
    about: 'Port of the public listener; 0 takes any free one.',
    default: 8080,
    min: 0,
    max: 65_535,
  }),
  'management.host': text({
    about: 'Address the management listener (health, metrics, admin API) binds to.',
    default: '127.0.0.1',
    expects: 'an address or host name',
    form: /^[\w.:-]{1,253}$/,
  }),
  'management.port': integer({
    about: 'Port of the management listener; 0 takes any free one.',
    default: 8081,
    min: 0,
    max: 65_535,
  }),
  public_url: httpUrl({
    about: 'Where users reach the API; links in mails start with it.',
    without: 'mails carry codes only',
    example: 'https://auth.example.com',
  }),
  insecure: toggle({
    about: 'Accept a public URL without TLS in production.',
    default: false,
    example: 'on',
  }),
  workers: integer({
    about: 'API processes that share the port.',
    default: 1,
    min: 1,
    max: 64,
  }),
  trusted_proxies: list({
    about: 'Networks of the reverse proxies whose X-Forwarded-For is believed.',
    expects: 'a list of addresses or networks in CIDR notation',
    item: cidr,
    without: 'the peer is the client',
    example: '10.0.0.0/8,fd00::/8',
  }),
  'cors.origins': list({
    about: 'Browser origins that may call the API.',
    expects: 'a list of origins: scheme, host and port, no path',
    item: origin,
    without: 'none',
    example: 'https://app.example.com',
  }),
  'http.headers_timeout': duration({
    about: 'How long a client may take to send its headers.',
    default: '10s',
    min: '1s',
    max: '60s',
  }),
  'http.request_timeout': duration({
    about: 'How long a client may take to send a whole request.',
    default: '15s',
    min: '1s',
    max: '5m',
  }),
  'http.max_connections': integer({
    about: 'Connections one process holds open; further ones are closed at once.',
    default: 10_000,
    min: 10,
    max: 1_000_000,
  }),
  'startup.deadline': duration({
    about: 'How long a start waits for the database and other services.',
    default: '60s',
    min: '1s',
    max: '15m',
  }),
  'shutdown.deadline': duration({
    about: 'How long a stop waits for requests and jobs in flight.',
    default: '20s',
    min: '1s',
    max: '10m',
  }),
} as const satisfies Record<string, Setting>;
