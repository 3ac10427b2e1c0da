import { createTransport } from 'nodemailer';
import type { SmtpServer } from '../../../lib/smtp-url.ts';
import { MailRefused } from '../outlet.ts';
import { composeMail, type Sender } from './compose.ts';
import type { OutgoingMail, Transport } from './transport.ts';

export interface SmtpOptions {
  readonly server: SmtpServer;
  readonly from: Sender;
  /** For the name's look-up, the connection and the greeting, each. */
  readonly connectTimeoutMs: number;
  /** How long the server may be silent. */
  readonly socketTimeoutMs: number;
  /** Connections at most. */
  readonly connections: number;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: string | undefined;
}

export interface SmtpTransport extends Transport {
  /** Connects and authenticates, and sends nothing. @throws what the server says against it */
  check(): Promise<void>;
}

/** Sends mails through an SMTP server, over connections that are kept open. */
export function createSmtpTransport(options: SmtpOptions): SmtpTransport {
  const { server, from, connectTimeoutMs, socketTimeoutMs } = options;
  const transporter = createTransport({
    pool: true,
    host: server.host,
    port: server.port,
    secure: server.tls === 'implicit',
    requireTLS: server.tls === 'required',
    ignoreTLS: server.tls === 'off',
    tls: { minVersion: 'TLSv1.2', ...(options.ca ? { ca: options.ca } : {}) },
    ...(server.credentials
      ? { auth: { user: server.credentials.user, pass: server.credentials.password } }
      : {}),
    dnsTimeout: connectTimeoutMs,
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    socketTimeout: socketTimeoutMs,
    // A server that does not close its side is not waited for.
    socketCloseTimeout: 0,
    maxConnections: options.connections,
    // One silent retry, for a kept connection that the server had dropped. All others are ours, so
    // that they are counted and spaced.
    maxRequeues: 1,
    maxResponseSize: 16_384,
    disableFileAccess: true,
    disableUrlAccess: true,
  });

  return {
    async send(mail: OutgoingMail, signal: AbortSignal): Promise<void> {
      try {
        await transporter.sendMail({ ...composeMail(mail, from), signal });
      } catch (error) {
        if (isRefusal(error)) throw new MailRefused(error.message, { cause: error });
        throw error;
      }
    },
    async check() {
      await transporter.verify();
    },
    close: () => transporter.close({ force: true }),
  };
}

/**
 * A 5yz reply to the sender, the recipient or the message. What is said about us and not about the
 * mail may be mended meanwhile: a bad sequence (503), authentication and encryption (530 to 538).
 */
function isRefusal(error: unknown): error is Error {
  if (!(error instanceof Error) || !('responseCode' in error) || !('code' in error)) return false;
  const reply = Number(error.responseCode);
  if (!(reply >= 500) || reply === 503 || (reply >= 530 && reply <= 538)) return false;
  return error.code === 'EENVELOPE' || error.code === 'EMESSAGE';
}
