import type { TextBudget } from '../../limit/text-budget.ts';
import type { Outlet } from '../outlet.ts';
import type { TextRenderer } from '../render.ts';
import type { SmsGateway } from './gateway.ts';

export interface SmsOutletDeps {
  readonly render: TextRenderer;
  readonly send: SmsGateway;
  readonly budget: TextBudget;
}

/** Sends messages as text messages. */
export function createSmsOutlet({ render, send, budget }: SmsOutletDeps): Outlet {
  return {
    channel: 'sms',
    admit: budget.take,
    send: ({ id, kind, recipient }, data, signal) =>
      send({ id, kind, to: recipient, text: render(kind, data) }, signal),
  };
}
