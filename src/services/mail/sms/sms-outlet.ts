import type { TextBudget } from '../../limit/text-budget.ts';
import type { Outlet } from '../outlet.ts';
import type { TextRenderer } from '../render.ts';
import type { SmsGateway } from './gateway.ts';

export interface SmsOutletDeps {
  readonly render: TextRenderer;
  readonly send: SmsGateway;
  readonly budget: TextBudget;
}

/** Of a gateway that was away for longer nobody wants yesterday's alarms. */
const EXPIRES_AFTER_MS = 86_400_000;

/** Sends messages as text messages. */
export function createSmsOutlet({ render, send, budget }: SmsOutletDeps): Outlet {
  return {
    channel: 'sms',
    admit: ({ recipient, user_id, kind }) =>
      budget.take({
        number: recipient,
        userId: user_id,
        type: kind === 'signed_in' ? 'signed_in' : 'change',
      }),
    expiresAfterMs: EXPIRES_AFTER_MS,
    send: ({ id, kind, recipient }, data, signal) =>
      send({ id, kind, to: recipient, text: render(kind, data) }, signal),
  };
}
