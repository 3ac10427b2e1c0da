import { FULL_QUEUE, type Load } from './load.ts';
import {
  forgotten,
  impossiblePasswords,
  mailedCodes,
  type Question,
  registering,
  wrongPassword,
} from './questions.ts';
import type { Scene } from './scene.ts';

/** Circumstances under which alike answers must take alike. */
export interface Condition {
  readonly title: string;
  readonly settings?: Readonly<Record<string, string>>;
  questions(scene: Scene): Question[];
  /** What a second client does meanwhile. */
  readonly load?: Load;
  /** The appliance is started anew after a few probes of each class, so that its caches are cold. */
  readonly isRestarted?: boolean;
  /** Bodies are sent in pieces. */
  readonly isSlow?: boolean;
  /** A worker sends the mails, to a server that greets so late; without, they wait in the database. */
  readonly mailServerGreetsAfterMs?: number | 'never';
}

// Without a worker pending hashes stay pending. A worker ends that, so conditions with one come last.
const DEFERRED = { AUTHCTL_HASH_MODE: 'deferred' };

/** By the name that `--only` takes. */
export const CONDITIONS: Readonly<Record<string, Condition>> = {
  idle: {
    title: 'Idle',
    settings: DEFERRED,
    questions: (scene) => [wrongPassword(scene), ...impossiblePasswords(scene), forgotten(scene)],
  },
  codes: { title: 'Idle, mailed codes', questions: mailedCodes },
  register: { title: 'Idle, registering', questions: (scene) => [registering(scene)] },
  half: {
    title: 'At half the hashing load',
    settings: DEFERRED,
    questions: (scene) => [wrongPassword(scene)],
    load: 'half',
  },
  full: {
    title: 'Saturated',
    settings: { ...DEFERRED, AUTHCTL_HASH_QUEUE: String(FULL_QUEUE) },
    questions: (scene) => [wrongPassword(scene)],
    load: 'full',
  },
  restart: {
    title: 'After a restart',
    settings: DEFERRED,
    questions: (scene) => [wrongPassword(scene), forgotten(scene)],
    isRestarted: true,
  },
  'slow-sender': {
    title: 'Body sent in pieces',
    settings: DEFERRED,
    questions: (scene) => [wrongPassword(scene), forgotten(scene)],
    isSlow: true,
  },
  'slow-mail': {
    title: 'The mail server greets after five seconds',
    questions: (scene) => [forgotten(scene)],
    mailServerGreetsAfterMs: 5_000,
  },
  'mail-down': {
    title: 'The mail server is down',
    questions: (scene) => [forgotten(scene)],
    mailServerGreetsAfterMs: 'never',
  },
};
