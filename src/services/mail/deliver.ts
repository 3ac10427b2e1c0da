import { withJitter } from '../../crypto/random.ts';
import { type Db, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { NO_TRACER, type Tracer } from '../../lib/tracer.ts';
import { SYSTEM_ACTOR } from '../audit/actor.ts';
import { recordAudit } from '../audit/record.ts';
import { awaitsCode } from '../flow/live-code.ts';
import type { Keys } from '../key/keyring.ts';
import { mailDelayMs } from './back-off.ts';
import { describeFailure } from './describe-failure.ts';
import { openMail } from './draft.ts';
import { isCode, type MailData, type MailKind } from './kinds.ts';
import { MailRefused, type Outlet } from './outlet.ts';
import { type ClaimedMail, mailStore } from './store.ts';

export interface DeliveryDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Logger;
  readonly keys: Keys;
  readonly outlet: Outlet;
  /** Tries before a mail is given up. */
  readonly maxTries: number;
  /** How long one try may take in all; a server that sends a byte a second stays within every time-out. */
  readonly tryDeadlineMs?: number;
  readonly tracer?: Tracer | undefined;
}

/**
 * `withdrawn`: no flow awaits its code (any more), so that nobody misses it, or its recipient has had
 * enough. `lost`: the claim had passed to another worker, or the result could not be written down.
 */
export type DeliveryOutcome = 'sent' | 'deferred' | 'dead' | 'withdrawn' | 'released' | 'lost';

/** Twice the longest try: a worker that stalls for a while is still the only one to send it. */
const LEASE_MS = 60_000;
const TRY_DEADLINE_MS = 30_000;
/** What a mail may have waited before it says a minute less. */
const FRESH_MINUTES = 0.1;

const FIND_USER = statement('mails.find_user', 'SELECT FROM users WHERE id = $1');

export type Delivery = ReturnType<typeof createDelivery>;

/**
 * Sends the queued messages of one channel, at least once each, by any number of workers: a mail is
 * claimed for a minute, sent, then marked. A worker that dies in between leaves it to the next, and the
 * receiver sees the same Message-ID twice.
 */
export function createDelivery(deps: DeliveryDeps) {
  const { db, clock, log, keys, outlet, maxTries } = deps;
  const { tracer = NO_TRACER } = deps;
  const { channel } = outlet;
  const tryDeadlineMs = deps.tryDeadlineMs ?? TRY_DEADLINE_MS;

  async function send(mail: ClaimedMail, data: MailData[MailKind], signal: AbortSignal) {
    const deadline = AbortSignal.timeout(tryDeadlineMs);
    const current = withTimeLeft(data, mail.created_at, clock.now());
    await tracer.step('mail.send', { kind: 'client' }, () =>
      outlet.send(mail, current, AbortSignal.any([signal, deadline])),
    );
  }

  async function attempt(mail: ClaimedMail, signal: AbortSignal): Promise<DeliveryOutcome> {
    if (await isNobodys(mail)) return withdraw(mail);
    if (mail.attempts === 1 && !(await outlet.admit(mail))) return withhold(mail);
    // A worker died in the middle of the last try: what became of it is unknown.
    if (mail.attempts > maxTries) return bury(mail, 'every try was interrupted');
    let data: MailData[MailKind] | undefined;
    try {
      data = await openMail(keys, mail);
      if (isTooOld(mail) || hasExpired(data, mail.created_at, clock.now()))
        return await bury(mail, 'expired');
      if (await isSuperseded(mail, data)) return await withdraw(mail);
      await send(mail, data, signal);
    } catch (error) {
      if (signal.aborted) return settled(mailStore.release(db, mail), 'released');
      return fail(mail, error, secretsOf(mail, data));
    }
    return settled(mailStore.markSent(db, mail, clock.now()), 'sent');
  }

  function traced(
    { id, kind, attempts }: ClaimedMail,
    work: () => Promise<DeliveryOutcome>,
  ): Promise<DeliveryOutcome> {
    const facts = { 'authctl.mail_id': id, 'authctl.mail_kind': kind, 'authctl.tries': attempts };
    return tracer.trace('mail.deliver', { facts }, async (span) => {
      const outcome = await work();
      span.note({ 'authctl.outcome': outcome });
      return outcome;
    });
  }

  function isTooOld({ created_at }: ClaimedMail): boolean {
    const { expiresAfterMs } = outlet;
    if (expiresAfterMs === null) return false;
    return clock.now().getTime() - created_at.getTime() > expiresAfterMs;
  }

  /** A code for an address that is nobody's, written only because a real one is, or of a user who is gone. */
  async function isNobodys({ kind, user_id }: ClaimedMail): Promise<boolean> {
    return isCode(kind) && (await db.query(FIND_USER, [user_id])).length === 0;
  }

  /** A code that is superseded from here on was on its way already: its reader has two mails. */
  async function isSuperseded(
    { user_id }: ClaimedMail,
    data: MailData[MailKind],
  ): Promise<boolean> {
    if (!('flow' in data) || data.flow === undefined) return false;
    return user_id === null || !(await awaitsCode(db, user_id, data.flow));
  }

  async function withdraw(mail: ClaimedMail): Promise<DeliveryOutcome> {
    log.info(
      { mailId: mail.id, channel, kind: mail.kind },
      'mail withdrawn, no flow awaits its code',
    );
    return settled(mailStore.withdraw(db, mail), 'withdrawn');
  }

  /** Its recipient has had enough for now; what it tells would come too late when there is room again. */
  async function withhold(mail: ClaimedMail): Promise<DeliveryOutcome> {
    const { id, kind, user_id } = mail;
    const isOurs = db.transaction(async (tx) => {
      if (!(await mailStore.withdraw(tx, mail))) return false;
      await recordAudit(tx, {
        at: clock.now(),
        action: 'mail.withheld',
        actor: SYSTEM_ACTOR,
        result: 'refused',
        userId: user_id ?? undefined,
        detail: { type: kind, channel },
      });
      return true;
    });
    log.info({ mailId: id, channel, kind }, 'mail withheld, its recipient has had enough for now');
    return settled(isOurs, 'withdrawn');
  }

  function fail(mail: ClaimedMail, error: unknown, secrets: string[]): Promise<DeliveryOutcome> {
    const reason = describeFailure(error, secrets);
    if (error instanceof MailRefused || mail.attempts >= maxTries) return bury(mail, reason);
    const delayMs = withJitter(mailDelayMs(mail.attempts));
    const nextAttemptAt = new Date(clock.now().getTime() + delayMs);
    log.warn({ ...told(mail), reason }, 'mail deferred');
    return settled(mailStore.reschedule(db, mail, nextAttemptAt, reason), 'deferred');
  }

  function told({ id, kind, attempts }: ClaimedMail) {
    return { mailId: id, channel, kind, tries: attempts };
  }

  /** Gives a mail up, on record. An expired one is of no use to anybody: its content is erased. */
  async function bury(mail: ClaimedMail, reason: string): Promise<DeliveryOutcome> {
    const move = reason === 'expired' ? mailStore.buryAndErase : mailStore.bury;
    const isBuried = await db.transaction(async (tx) => {
      if (!(await move(tx, mail, reason))) return false;
      await recordAudit(tx, {
        at: clock.now(),
        action: 'mail.given_up',
        actor: SYSTEM_ACTOR,
        result: 'refused',
        userId: mail.user_id ?? undefined,
        detail: { mail_id: mail.id, channel, kind: mail.kind, tries: mail.attempts, reason },
      });
      return true;
    });
    if (!isBuried) return 'lost';
    log.error({ ...told(mail), reason }, 'mail given up');
    return 'dead';
  }

  return {
    /** Claims up to `limit` due mails, oldest first; each must be passed to `deliver`. */
    claim(limit: number): Promise<ClaimedMail[]> {
      const now = clock.now();
      return mailStore.claim(db, channel, now, new Date(now.getTime() + LEASE_MS), limit);
    },

    /**
     * Makes one try at a claimed mail and writes down what became of it. Never rejects: what cannot
     * be written is tried again when the lease ends.
     * @param signal abort gives the mail back at once
     */
    async deliver(mail: ClaimedMail, signal: AbortSignal): Promise<DeliveryOutcome> {
      try {
        const outcome = await traced(mail, () => attempt(mail, signal));
        if (outcome === 'lost')
          log.warn({ mailId: mail.id }, 'mail was taken over by another worker');
        return outcome;
      } catch (error) {
        log.warn({ err: error, mailId: mail.id }, 'mail result not written, it will be sent again');
        return 'lost';
      }
    },
  };
}

async function settled(
  isOurs: Promise<boolean>,
  outcome: DeliveryOutcome,
): Promise<DeliveryOutcome> {
  return (await isOurs) ? outcome : 'lost';
}

function hasExpired(data: MailData[MailKind], createdAt: Date, now: Date): boolean {
  return 'expiresInMinutes' in data && msLeft(data.expiresInMinutes!, createdAt, now) <= 0;
}

/** A mail that was delayed says how long its code still works. */
function withTimeLeft<Data extends MailData[MailKind]>(
  data: Data,
  createdAt: Date,
  now: Date,
): Data {
  if (!('expiresInMinutes' in data)) return data;
  const minutes = msLeft(data.expiresInMinutes!, createdAt, now) / 60_000;
  return { ...data, expiresInMinutes: Math.max(1, Math.floor(minutes + FRESH_MINUTES)) };
}

function msLeft(minutes: number, createdAt: Date, now: Date): number {
  return createdAt.getTime() + minutes * 60_000 - now.getTime();
}

function secretsOf({ recipient }: ClaimedMail, data: MailData[MailKind] | undefined): string[] {
  if (!data || !('code' in data)) return [recipient];
  const code = String(data.code);
  return [recipient, code, code.replaceAll('-', '')];
}
