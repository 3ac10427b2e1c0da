import type { RequestClass } from './measure.ts';
import { call, MAIL_DOMAIN, OPEN_DOMAIN, PASSWORD, type Scene } from './scene.ts';

/** Classes that must not be told apart; the first is what the others are compared with. */
export interface Question {
  readonly title: string;
  readonly classes: readonly RequestClass[];
  /** Told apart by what is sent already, or as documented; shown for completeness. */
  readonly notJudged?: readonly string[];
}

type EmailOf = (index: number) => string;

const WRONG = 'not my password at all';
const MAX_PASSWORD_BYTES = 1_024;

/** Signing in: every state of an account, and none. */
export function wrongPassword(scene: Scene): Question {
  const login = (name: string, emailOf: EmailOf) => signIn(name, emailOf, WRONG, 401);
  return {
    title: 'Signing in with a wrong password',
    classes: [
      login('unknown address', unknown),
      login('final hash', among(scene.final)),
      login('pending hash', among(scene.pending)),
      login('locked', among(scene.locked)),
      login('two-factor on', among(scene.twoFactor)),
      login('no password', among(scene.noPassword)),
      login('imported hash (bcrypt, cost 10)', among(scene.imported)),
      login('no address at all', (index) => `nobody ${index}`),
    ],
    notJudged: ['imported hash (bcrypt, cost 10)', 'no address at all'],
  };
}

/** Signing in with what can be nobody's password: an early exit must not depend on the user. */
export function impossiblePasswords(scene: Scene): Question[] {
  const compare = (what: string, password: string, status: number): Question => ({
    title: `Signing in with ${what}`,
    classes: [
      signIn('unknown address', unknown, password, status),
      signIn('known address', among(scene.final), password, status),
    ],
  });
  return [
    compare('an empty password', '', 401),
    compare('a password of one byte', 'x', 401),
    compare('a password one byte too long', 'x'.repeat(MAX_PASSWORD_BYTES + 1), 422),
    compare('a password that is not UTF-8', NOT_UTF8, 400),
  ];
}

export function forgotten(scene: Scene): Question {
  const forgot = (name: string, emailOf: EmailOf): RequestClass => ({
    name,
    path: '/v1/password/forgot',
    status: 202,
    body: (index) => Buffer.from(JSON.stringify({ email: emailOf(index) })),
  });
  return {
    title: 'Asking for a code for a forgotten password',
    classes: [
      forgot('unknown address', (index) => unknown(index % scene.final.length)),
      forgot('known address', among(scene.final)),
    ],
  };
}

/** A wrong code, and another one asked for: of a flow that is somebody's, and of one that only looks so. */
export function mailedCodes(scene: Scene): Question[] {
  const compare = (title: string, path: string, status: number, answer: object): Question => {
    const withFlowOf = (name: string, emailOf: EmailOf): RequestClass => ({
      name,
      path,
      status,
      async body(index, url) {
        const { flow_token } = await call(url, '/v1/password/forgot', { email: emailOf(index) });
        return Buffer.from(JSON.stringify({ flow_token, ...answer }));
      },
    });
    return {
      title,
      classes: [
        withFlowOf('unknown address', (index) => unknown(index % scene.final.length)),
        withFlowOf('known address', among(scene.final)),
      ],
    };
  };
  return [
    compare('Redeeming a wrong code', '/v1/password/forgot/verify', 401, { code: 'ABCD-2345' }),
    compare('Asking for another code', '/v1/verify/resend', 200, {}),
  ];
}

export function registering(scene: Scene): Question {
  const register = (name: string, emailOf: EmailOf): RequestClass => ({
    name,
    path: '/v1/register',
    status: 202,
    body: (index) => Buffer.from(JSON.stringify({ email: emailOf(index), password: PASSWORD })),
  });
  return {
    title: 'Registering under a domain that mails a code',
    classes: [
      register('new address', (index) => `new-${index}@${MAIL_DOMAIN}`),
      register('taken address', among(scene.unverified)),
    ],
  };
}

/** A byte that begins no character; latin1 is how a text is written as bytes one by one. */
const NOT_UTF8 = 'not my \u00ff password';

function signIn(name: string, emailOf: EmailOf, password: string, status: number): RequestClass {
  return {
    name,
    path: '/v1/login',
    status,
    body: (index) => Buffer.from(JSON.stringify({ email: emailOf(index), password }), 'latin1'),
  };
}

const unknown: EmailOf = (index) => `nobody-${index}@${OPEN_DOMAIN}`;

function among(emails: readonly string[]): EmailOf {
  return (index) => emails[index % emails.length]!;
}
