import QRCode from 'qrcode';
import { formatTotpSecret, generateTotpSecret, matchTotp, totpUri } from '../../crypto/totp.ts';
import { type Db, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { byOwner, type ChangeAccount } from '../account/change.ts';
import type { Proof, Reauthenticate } from '../account/reauthenticate.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { FlowDrafts } from '../flow/draft.ts';
import { endFlows, type FlowRedeemer, type OpenFlow } from '../flow/redeem.ts';
import type { Keys } from '../key/keyring.ts';
import type { Limits } from '../limit/limits.ts';
import { settleAttempt } from '../limit/settle-attempt.ts';
import { raiseSecurityVersion } from '../password/store.ts';
import type { Principal } from '../session/authenticate.ts';
import { openTotpSecret, type PresentedFactor, sealTotpSecret } from './factor.ts';
import { replaceRecoveryCodes } from './recovery-codes.ts';
import { removeFactors } from './remove.ts';

export interface EnrolmentDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly flows: FlowDrafts;
  readonly redeemer: FlowRedeemer;
  readonly reauthenticate: Reauthenticate;
  readonly limits: Limits;
  readonly changeAccount: ChangeAccount;
  /** The name an authenticator shows (`product`). */
  readonly product: string;
}

/** What the user scans or types into an authenticator, shown once. */
export interface TotpSetup {
  readonly flow_token: string;
  readonly expires_at: string;
  /** Base32. */
  readonly secret: string;
  readonly otpauth_uri: string;
  readonly qr_svg: string;
}

const SEAL_INTO_FLOW = statement(
  'flows.seal_secret',
  'UPDATE flows SET sealed = $2, code_kid = $3 WHERE token_digest = $1',
);
const INSERT = statement(
  'totps.insert',
  `INSERT INTO totps (user_id, sealed, data_kid, last_step, confirmed_at)
   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id) DO NOTHING`,
);

/** The right password of a user who has two-factor on: what they ask for is there already. */
function alreadyEnabled(error: unknown): never {
  if (error instanceof AppError && error.code === 'two_factor_required')
    throw new AppError('two_factor_already_enabled');
  throw error;
}

/** Turning two-factor on and off. It is on only after one code from the new authenticator. */
export function createEnrolment(deps: EnrolmentDeps) {
  const { db, clock, keys, flows, redeemer, reauthenticate, limits, changeAccount } = deps;

  /** The step of a right code from the authenticator being set up; wrong ones count for the user. */
  async function matchSetup(
    flow: OpenFlow,
    userId: string,
    code: string,
    client: ClientInfo,
  ): Promise<number> {
    async function check(): Promise<number> {
      const { sealed } = flow;
      const { byKid } = await keys.having('data', sealed?.kid ?? null);
      const key = byKid.get(sealed?.kid ?? '');
      const secret = key && sealed && openTotpSecret(key, userId, sealed.secret);
      const step = secret ? matchTotp(secret, code, clock.now().getTime(), 0) : null;
      if (step === null) throw new AppError('invalid_code');
      return step;
    }
    const attempt = await limits.beginFactor(userId);
    return settleAttempt(attempt, check, () => auditWrongSetup(userId, client));
  }

  async function auditWrongSetup(userId: string, client: ClientInfo): Promise<void> {
    await recordAudit(db, {
      at: clock.now(),
      action: 'two_factor.failed',
      actor: clientActor(client, userId),
      result: 'refused',
      userId,
      detail: { purpose: 'totp_setup' },
    });
  }

  /**
   * Proves again who asks, before a change of factors that are on.
   * @throws AppError those of re-authentication; `conflict` when two-factor is off
   */
  async function proveEnabled(
    userId: string,
    input: { password: string } & PresentedFactor,
    client: ClientInfo,
  ): Promise<Proof> {
    const proof = await reauthenticate(userId, { ...input, pointer: '/password' }, client);
    if (proof.account.user.two_factor_enabled) return proof;
    throw new AppError('conflict', { text: 'Two-factor authentication is not on.' });
  }

  return {
    /**
     * Begins: draws a seed and shows it. A seed shown before and not confirmed is void.
     * @throws AppError `two_factor_already_enabled`, and those of re-authentication
     */
    async begin(
      { userId }: Principal,
      input: { password: string },
      client: ClientInfo,
    ): Promise<TotpSetup> {
      const presented = { ...input, pointer: '/password' };
      const proof = await reauthenticate(userId, presented, client).catch(alreadyEnabled);
      const { user } = proof.account;
      if (user.two_factor_enabled) throw new AppError('two_factor_already_enabled');
      const secret = generateTotpSecret();
      const key = (await keys.ring()).data.active;
      const flow = await flows.draft({
        purpose: 'totp_setup',
        user: { id: userId, securityVersion: user.security_version },
      });
      const sealed = sealTotpSecret(key.secret, userId, secret);
      await db.transaction(async (tx) => {
        await proof.use(tx);
        await endFlows(tx, userId, 'totp_setup');
        await flows.insert(tx, flow);
        await tx.execute(SEAL_INTO_FLOW, [flow.row.tokenDigest, sealed, key.kid]);
      });
      const uri = totpUri(secret, deps.product, user.email ?? user.username ?? user.id);
      return {
        flow_token: flow.token,
        expires_at: flow.expiresAt.toISOString(),
        secret: formatTotpSecret(secret),
        otpauth_uri: uri,
        qr_svg: await QRCode.toString(uri, { type: 'svg', errorCorrectionLevel: 'M' }),
      };
    },

    /**
     * Turns two-factor on with the first code of the new authenticator.
     * @returns ten recovery codes, shown once
     * @throws AppError `flow_expired`, `invalid_code`, `two_factor_already_enabled`, `rate_limited`
     */
    async confirm(
      principal: Principal,
      input: { flow_token: string; code: string },
      client: ClientInfo,
    ): Promise<string[]> {
      const { userId } = principal;
      const flow = await redeemer.takeTry(input.flow_token, 'totp_setup');
      if (flow.userId !== userId) throw new AppError('flow_expired');
      const step = await matchSetup(flow, userId, input.code, client);
      const ring = await keys.ring();
      return changeAccount(byOwner(principal, client), async (change) => {
        const { tx, at } = change;
        const user = await redeemer.consume(tx, flow);
        const { secret, kid } = flow.sealed!;
        const inserted = await tx.execute(INSERT, [userId, secret, kid, step, at]);
        if (inserted !== 1) throw new AppError('two_factor_already_enabled');
        await raiseSecurityVersion(change);
        await change.audit('two_factor.enabled');
        await change.announce('two_factor.enabled');
        await change.notify(user, 'two_factor_enabled', change.notice);
        return replaceRecoveryCodes(tx, ring, userId, at);
      });
    },

    /** Turns two-factor off. @throws AppError those of re-authentication; `conflict` when it is off */
    async disable(
      principal: Principal,
      input: { password: string } & PresentedFactor,
      client: ClientInfo,
    ): Promise<void> {
      const proof = await proveEnabled(principal.userId, input, client);
      await changeAccount(byOwner(principal, client), async (change) => {
        const user = await proof.use(change.tx);
        await removeFactors(change.tx, user.id);
        await raiseSecurityVersion(change);
        await change.audit('two_factor.disabled');
        await change.announce('two_factor.disabled');
        await change.notify(user, 'two_factor_disabled', change.notice);
      });
    },

    /**
     * Replaces the recovery codes; sign-ins under way begin anew.
     * @throws AppError those of re-authentication; `conflict` when it is off
     */
    async regenerateRecoveryCodes(
      principal: Principal,
      input: { password: string } & PresentedFactor,
      client: ClientInfo,
    ): Promise<string[]> {
      const proof = await proveEnabled(principal.userId, input, client);
      const ring = await keys.ring();
      return changeAccount(byOwner(principal, client), async (change) => {
        const user = await proof.use(change.tx);
        await raiseSecurityVersion(change);
        await change.audit('recovery_codes.regenerated');
        await change.notify(user, 'recovery_codes_regenerated', change.notice);
        return replaceRecoveryCodes(change.tx, ring, user.id, change.at);
      });
    },
  };
}
