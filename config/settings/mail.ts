import { secretUrl, signingSecret } from '../secret-setting.ts';
import { choice, duration, integer, type Setting, text } from '../setting.ts';

/** How mails and text messages leave, and how many. */
export const mail = {
  'smtp.url': secretUrl({
    about: 'The mail server.',
    protocols: ['smtp', 'smtps'],
    without: 'mails are written to <data_dir>/mail (development only)',
    example: 'smtps://user:password@mail.example.com:465',
  }),
  'smtp.connect_timeout': duration({
    about: 'How long the mail server may take to accept a connection and greet.',
    default: '5s',
    min: '100ms',
    max: '2m',
  }),
  'smtp.socket_timeout': duration({
    about: 'How long the mail server may be silent.',
    default: '10s',
    min: '100ms',
    max: '10m',
  }),
  'mail.from': text({
    about: 'The sender of all mails.',
    default: 'authctl <no-reply@localhost>',
    expects: 'an address, or a name with an address in angle brackets',
    form: /^(?:[^\p{Cc}<>@]{1,100} <[^\s<>@,;]+@[^\s<>@,;]+>|[^\s<>@,;]+@[^\s<>@,;]+)$/u,
    example: 'Example Shop <no-reply@example.com>',
  }),
  'mail.max_tries': integer({
    about: 'Tries at sending a mail before it is given up.',
    default: 8,
    min: 1,
    max: 50,
  }),
  'mail.concurrency': integer({
    about: 'Mails sent at once.',
    default: 4,
    min: 1,
    max: 50,
  }),
  'mail.sign_in_notice': choice(['off', 'new_network', 'always'], {
    about:
      'Which sign-ins are told by mail: none, those from a network the account has not signed in from, all.',
    default: 'off',
  }),
  'mail.hourly': integer({
    about: 'Mails of one type to one mailbox in an hour.',
    default: 5,
    min: 1,
    max: 10_000,
  }),
  'mail.daily': integer({
    about: 'Mails of one type to one mailbox in a day.',
    default: 20,
    min: 1,
    max: 100_000,
  }),
  'sms.url': secretUrl({
    about:
      'The gateway that takes text messages: security notices go to the telephones of users, too.',
    protocols: ['https', 'http'],
    without: 'no text messages',
    example: 'https://sms-gateway.internal/send',
  }),
  'sms.secret': signingSecret({
    about: 'Signs what the gateway is sent (HMAC-SHA-256).',
    without: 'a key derived from the keys of this installation',
    example: 'the output of: openssl rand -base64 32',
  }),
  'sms.timeout': duration({
    about: 'How long the gateway may take to answer.',
    default: '10s',
    min: '100ms',
    max: '25s',
  }),
  'sms.concurrency': integer({
    about: 'Text messages handed over at once.',
    default: 4,
    min: 1,
    max: 50,
  }),
  'sms.hourly': integer({
    about: 'Text messages to one number, and of one account, in an hour; of sign-ins as many more.',
    default: 5,
    min: 1,
    max: 1_000,
  }),
  'sms.daily': integer({
    about: 'Text messages to one number, and of one account, in a day; of sign-ins as many more.',
    default: 10,
    min: 1,
    max: 10_000,
  }),
  'sms.total': integer({
    about: 'Text messages to all numbers in a day: what a flood may cost.',
    default: 1_000,
    min: 1,
    max: 100_000_000,
  }),
} as const satisfies Record<string, Setting>;
