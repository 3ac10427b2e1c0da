import { openDatabase } from '../../../src/db/database.ts';
import { createScope } from '../../../src/lib/lifecycle.ts';
import { createLogger } from '../../../src/lib/logger.ts';
import { ensureKeys, providedMasterKeys } from '../../../src/services/key/ensure-keys.ts';
import { createKeys } from '../../../src/services/key/keyring.ts';
import { parseMasterKey } from '../../../src/services/key/master-key.ts';
import { createDelivery, type DeliveryDeps } from '../../../src/services/mail/deliver.ts';
import { createMailQueue } from '../../../src/services/mail/draft.ts';
import type { MailData, MailKind } from '../../../src/services/mail/kinds.ts';
import { createRenderer } from '../../../src/services/mail/render.ts';
import { SAMPLES } from '../../../src/services/mail/templates/samples.ts';
import { createMailOutlet } from '../../../src/services/mail/transport/mail-outlet.ts';
import {
  createSmtpTransport,
  type SmtpOptions,
} from '../../../src/services/mail/transport/smtp-transport.ts';
import type { Transport } from '../../../src/services/mail/transport/transport.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { TEST_CERTIFICATE } from '../../support/smtp.ts';

export const SENDER = { name: 'Example Shop', address: 'no-reply@shop.example' };
export const MASTER_KEY = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
const MASTER = parseMasterKey(MASTER_KEY);

/** The state of a mail's row. */
export interface MailRow {
  id: string;
  status: string;
  attempts: number;
  sealed: Buffer | null;
  last_error: string | null;
  next_attempt_at: Date;
  message_id: string;
  recipient: string;
}

/** Whose mails these are. */
const A_USER = '019ab3c4-0000-7000-8000-00000000000a';

/** Everything that sending mail needs, on a database of its own with a clock that stands still. */
export async function openMailBench() {
  const database = await createTestDatabase();
  const log = createLogger({ level: 'silent' });
  const scope = createScope();
  const clock = createManualClock();
  const db = scope.own(
    'pool',
    openDatabase({
      connectionString: database.connectionString,
      poolSize: 10,
      log,
      applicationName: 'test',
    }),
    (opened) => opened.close(),
  );
  await db.execute(
    {
      name: '',
      text: `INSERT INTO users (id, email, created_at, updated_at)
             VALUES ($1, 'ada@example.com', now(), now())`,
    },
    [A_USER],
  );
  await ensureKeys({ db, clock }, providedMasterKeys([MASTER]));
  const keys = createKeys({ db, clock, loadMasters: async () => [MASTER] });
  const queue = createMailQueue({ clock, keys, messageDomain: 'shop.example', hasTexts: false });
  const render = createRenderer({ product: 'Example Shop', publicUrl: 'https://auth.example.com' });

  /** An SMTP transport for a port of this machine, patient with a machine that is busy. */
  function smtpTo(port: number, options: Partial<SmtpOptions> = {}): Transport {
    const server = { host: 'localhost', port, tls: 'opportunistic', credentials: null } as const;
    const transport = createSmtpTransport({
      server,
      from: SENDER,
      connectTimeoutMs: 20_000,
      socketTimeoutMs: 20_000,
      connections: 4,

      ca: TEST_CERTIFICATE,
      ...options,
    });
    return scope.own('transport', transport, (opened) => opened.close());
  }

  function deliveryOver(transport: Transport, options: Partial<DeliveryDeps> = {}) {
    const outlet = createMailOutlet(render, transport);
    return createDelivery({ db, clock, log, keys, outlet, maxTries: 8, ...options });
  }

  return {
    db,
    clock,
    log,
    keys,
    queue,
    render,
    scope,
    connectionString: database.connectionString,
    smtpTo,
    deliveryOver,

    /** Claims what is due and makes one try at each, all at once. */
    async round(delivery: ReturnType<typeof createDelivery>, limit = 20) {
      const mails = await delivery.claim(limit);
      const signal = new AbortController().signal;
      return Promise.all(mails.map((mail) => delivery.deliver(mail, signal)));
    },

    async enqueue<Kind extends MailKind = 'verify_email'>(
      recipient = 'ada@example.com',
      kind: Kind = 'verify_email' as Kind,
      data: MailData[Kind] = SAMPLES[kind],
      userId: string | null = A_USER,
    ): Promise<void> {
      await queue.enqueue(db, { kind, userId, recipient, data });
    },

    rows: () => db.query<MailRow>({ name: '', text: 'SELECT * FROM mails ORDER BY id' }),

    sql: <Row extends Record<string, unknown>>(text: string, values: unknown[] = []) =>
      db.query<Row>({ name: '', text }, values),

    async close(): Promise<void> {
      await scope.release();
      await database.drop();
    },
  };
}

export type MailBench = Awaited<ReturnType<typeof openMailBench>>;
