import { join } from 'node:path';
import type { Config } from '../../config/index.ts';
import type { Scope } from '../lib/lifecycle.ts';
import { createDelivery } from '../services/mail/deliver.ts';
import { createRenderer, type Renderer } from '../services/mail/render.ts';
import { parseSender } from '../services/mail/transport/compose.ts';
import { createEmlTransport } from '../services/mail/transport/eml-transport.ts';
import {
  createSmtpTransport,
  type SmtpTransport,
} from '../services/mail/transport/smtp-transport.ts';
import { parseSmtpUrl } from '../services/mail/transport/smtp-url.ts';
import type { Transport } from '../services/mail/transport/transport.ts';
import { createMailLoop } from '../worker/send-mail.ts';
import type { Core } from './core.ts';
import type { WorkerMetrics } from './worker-metrics.ts';

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
export function openMailLoop(core: Core, scope: Scope, { meterDelivery }: WorkerMetrics) {
  const { config, db, clock, log, keys, tracer } = core;
  const { maxTries, concurrency } = config.mail;
  const transport = openTransport(config, scope);
  const render = openRenderer(config);
  const delivery = createDelivery({ db, clock, log, keys, render, transport, maxTries, tracer });
  return createMailLoop({ db, log, delivery: meterDelivery(delivery), concurrency });
}
