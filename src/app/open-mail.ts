import { join } from 'node:path';
import type { Config } from '../../config/index.ts';
import type { Scope } from '../lib/lifecycle.ts';
import { parseSmtpUrl } from '../lib/smtp-url.ts';
import { createDelivery } from '../services/mail/deliver.ts';
import type { Outlet } from '../services/mail/outlet.ts';
import { createRenderer, createTextRenderer, type Renderer } from '../services/mail/render.ts';
import { createSmsGateway, type SmsGateway } from '../services/mail/sms/gateway.ts';
import { createSmsOutlet } from '../services/mail/sms/sms-outlet.ts';
import { parseSender } from '../services/mail/transport/compose.ts';
import { removeOldEml } from '../services/mail/transport/eml-files.ts';
import { createEmlTransport } from '../services/mail/transport/eml-transport.ts';
import { createMailOutlet } from '../services/mail/transport/mail-outlet.ts';
import {
  createSmtpTransport,
  type SmtpTransport,
} from '../services/mail/transport/smtp-transport.ts';
import type { Transport } from '../services/mail/transport/transport.ts';
import { webhookSecrets } from '../services/webhook/secrets.ts';
import { createSignedPost } from '../services/webhook/signed-post.ts';
import { createMailLoop, type MailLoop } from '../worker/mail-loop.ts';
import type { Core } from './core.ts';
import { openTextBudget } from './open-limits.ts';
import { programVersion } from './version.ts';
import type { WorkerMetrics } from './worker-metrics.ts';

/** As long as the sweeper keeps the rows of mails that were sent. */
const MAIL_FILES_KEPT_MS = 30 * 86_400_000;

/** The folder that development mails are written to. */
export function mailFolder({ dataDir }: Config): string {
  return join(dataDir, 'mail');
}

/** Turns a mail into what its reader sees, with the configured name and links. */
export function openRenderer({ product, publicUrl }: Config): Renderer {
  return createRenderer({ product, publicUrl });
}

/** The configured mail server; null where there is none. */
export function createConfiguredSmtp({ smtp, mail }: Config): SmtpTransport | null {
  if (!smtp.url) return null;
  return createSmtpTransport({
    server: parseSmtpUrl(smtp.url.reveal()),
    from: parseSender(mail.from),
    connectTimeoutMs: smtp.connectTimeoutMs,
    socketTimeoutMs: smtp.socketTimeoutMs,
    connections: mail.concurrency,
  });
}

/** The way mails leave: the configured server, or files in the data folder. */
export function openTransport(config: Config, scope: Scope): Transport {
  const transport =
    createConfiguredSmtp(config) ??
    createEmlTransport({ dir: mailFolder(config), from: parseSender(config.mail.from) });
  return scope.own('mail transport', transport, (opened) => opened.close());
}

/** The worker's loop that sends queued mails. */
export function openMailLoop(core: Core, scope: Scope, meters: WorkerMetrics): MailLoop {
  const { config } = core;
  const outlet = createMailOutlet(openRenderer(config), openTransport(config, scope));
  return openLoop(core, meters, outlet, config.mail.concurrency);
}

/** Removes so many old development mails at most; there are none where a mail server is configured. */
export function createMailFileRetention({ config, clock }: Pick<Core, 'config' | 'clock'>) {
  return async (limit: number): Promise<number> => {
    if (config.smtp.url) return 0;
    const before = new Date(clock.now().getTime() - MAIL_FILES_KEPT_MS);
    return removeOldEml(mailFolder(config), before, limit);
  };
}

/** The configured gateway for text messages; null where there is none. */
export function openSmsGateway({ config, clock, keys }: GatewayDeps): SmsGateway | null {
  const { url, secret, timeoutMs } = config.sms;
  if (!url) return null;
  const post = createSignedPost({
    url: url.reveal(),
    timeoutMs,
    clock,
    secrets: () => webhookSecrets(keys, 'sms', secret?.reveal()),
    userAgent: `authctl/${programVersion()}`,
  });
  return createSmsGateway(post);
}

type GatewayDeps = Pick<Core, 'config' | 'clock' | 'keys'>;

/**
 * The worker's loop that sends queued text messages; null without a gateway. One of its own, so that a
 * gateway that stalls holds up no mail.
 */
export async function openSmsLoop(
  core: Core,
  scope: Scope,
  meters: WorkerMetrics,
): Promise<MailLoop | null> {
  const { config } = core;
  const send = openSmsGateway(core);
  if (!send) return null;
  const budget = await openTextBudget(core, scope);
  const outlet = createSmsOutlet({ render: createTextRenderer(config), send, budget });
  return openLoop(core, meters, outlet, config.sms.concurrency);
}

function openLoop(
  core: Core,
  { meterDelivery }: WorkerMetrics,
  outlet: Outlet,
  concurrency: number,
): MailLoop {
  const { config, db, clock, log, keys, tracer } = core;
  const { maxTries } = config.mail;
  const delivery = createDelivery({ db, clock, log, keys, outlet, maxTries, tracer });
  const { channel } = outlet;
  return createMailLoop({ db, log, delivery: meterDelivery(delivery, channel), concurrency });
}
