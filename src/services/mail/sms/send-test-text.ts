import { normalisePhone } from '../../../crypto/canonical.ts';
import { uuidv7 } from '../../../crypto/random.ts';
import { AppError } from '../../../errors.ts';
import type { Clock } from '../../../lib/clock.ts';
import { MailRefused } from '../outlet.ts';
import type { SmsGateway } from './gateway.ts';

export interface TestTextDeps {
  readonly gateway: SmsGateway;
  readonly clock: Clock;
  readonly product: string;
}

const DEADLINE_MS = 30_000;

/**
 * Sends a test message past the queue and waits for the gateway's answer.
 * @throws AppError `usage` for what is no number, `dependency_unreachable` when the gateway did not take
 *   it, `conflict` when it never will
 */
export async function sendTestText(
  { gateway, clock, product }: TestTextDeps,
  number: string,
  signal: AbortSignal,
): Promise<{ to: string; id: string }> {
  const to = normalisePhone(number);
  if (to === null)
    throw new AppError('usage', {
      text: `${number} is no telephone number.`,
      hint: 'write it with + and the country code: +491701234567',
    });
  const id = uuidv7(clock.now().getTime());
  const text = `${product}: This is a test message.`;
  try {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    await gateway({ id, kind: 'test', to, text }, AbortSignal.any([signal, deadline]));
  } catch (error) {
    throw toAppError(error);
  }
  return { to, id };
}

function toAppError(error: unknown): AppError {
  const said = error instanceof Error ? error.message : String(error);
  if (error instanceof MailRefused)
    return new AppError('conflict', { text: `The message was refused: ${said}`, cause: error });
  return new AppError('dependency_unreachable', {
    text: `The gateway did not take the message: ${said}`,
    hint: 'check AUTHCTL_SMS_URL, and that the gateway verifies with the secret of: authctl sms secret',
    cause: error,
  });
}
