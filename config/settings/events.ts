import { hostPort } from '../list-items.ts';
import { secret, secretUrl, signingSecret } from '../secret-setting.ts';
import { choice, duration, integer, list, type Setting, text, toggle } from '../setting.ts';

/** Where events go. */
export const events = {
  'kafka.brokers': list({
    about: 'Kafka brokers to publish events to.',
    expects: 'a list of host:port',
    item: hostPort,
    without: 'no Kafka',
    example: 'kafka-1.internal:9092,kafka-2.internal:9092',
  }),
  'kafka.topic': text({
    about: 'The topic for events, keyed by user.',
    default: 'authctl.events',
    expects: 'a topic name',
    form: /^[\w.-]{1,249}$/,
  }),
  'kafka.tls': toggle({
    about: 'Speak TLS to the brokers.',
    default: false,
    example: 'on',
  }),
  'kafka.mechanism': choice(['plain', 'scram-sha-256', 'scram-sha-512'], {
    about: 'How to authenticate, when a user name is set.',
    default: 'scram-sha-512',
  }),
  'kafka.username': text({
    about: 'User name at the brokers.',
    without: 'no authentication',
    example: 'authctl',
  }),
  'kafka.password': secret({
    about: 'Password at the brokers.',
    without: 'no authentication',
    example: 'a long random password',
  }),
  'webhook.url': secretUrl({
    about: 'Where to post events.',
    protocols: ['https', 'http'],
    without: 'no webhook',
    example: 'https://example.com/hooks/authctl',
  }),
  'webhook.secret': signingSecret({
    about: 'Signs the webhook (HMAC-SHA-256).',
    without: 'a key derived from the keys of this installation',
    example: 'the output of: openssl rand -base64 32',
  }),
  'webhook.timeout': duration({
    about: 'How long the receiver may take to answer.',
    default: '10s',
    min: '100ms',
    max: '60s',
  }),
  'events.stdout': toggle({
    about: 'Write events to standard output, one JSON object a line.',
    default: false,
    example: 'on',
  }),
  'events.max_tries': integer({
    about: 'Tries at publishing an event before it is set aside for replay.',
    default: 20,
    min: 1,
    max: 1_000,
  }),
  'events.retention': duration({
    about: 'Published events are kept this long for replay.',
    default: '7d',
    min: '1m',
    max: '400d',
  }),
} as const satisfies Record<string, Setting>;
