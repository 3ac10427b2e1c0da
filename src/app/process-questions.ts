import type { ChildProcess } from 'node:child_process';
import type { Scope } from '../lib/lifecycle.ts';

/** What a process asks of its children over the channel between them. */
export type Question = 'metrics';

interface Asked {
  readonly id: number;
  readonly question: Question;
}

interface Answered {
  readonly id: number;
  readonly answer: unknown;
}

/** A child that is starting, stopping or busy must not hold up whoever asks. */
const ANSWER_DEADLINE_MS = 1_000;

/** Asks a child; null when it does not answer in time. */
export function askChild(child: ChildProcess, question: Question): Promise<unknown> {
  const id = nextId();
  return new Promise((resolve) => {
    const settle = (answer: unknown) => {
      clearTimeout(deadline);
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(answer);
    };
    const onMessage = (message: unknown) => {
      if (isAnswered(message) && message.id === id) settle(message.answer);
    };
    const onExit = () => settle(null);
    const deadline = setTimeout(settle, ANSWER_DEADLINE_MS, null);
    child.on('message', onMessage);
    child.once('exit', onExit);
    child.send({ id, question } satisfies Asked, (error) => error && settle(null));
  });
}

/** Answers the parent's questions until the scope ends; does nothing in a process that has no parent. */
export function answerParent(
  scope: Scope,
  answers: Readonly<Record<Question, () => Promise<unknown>>>,
): void {
  const onMessage = async (message: unknown) => {
    if (!isAsked(message)) return;
    const answer = await answers[message.question]().catch(() => null);
    if (process.connected) process.send?.({ id: message.id, answer } satisfies Answered);
  };
  process.on('message', onMessage);
  // A listener holds the channel open, and an open channel the process.
  scope.defer('questions of the parent', () => void process.off('message', onMessage));
}

let lastId = 0;
function nextId(): number {
  lastId += 1;
  return lastId;
}

function isAsked(message: unknown): message is Asked {
  return typeof message === 'object' && message !== null && 'question' in message;
}

function isAnswered(message: unknown): message is Answered {
  return typeof message === 'object' && message !== null && 'answer' in message;
}
