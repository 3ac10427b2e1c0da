import { createMailCode, digestMailCode } from '../../crypto/mail-code.ts';
import { createOpaqueToken } from '../../crypto/opaque-token.ts';
import { type Queryable, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Keys } from '../key/keyring.ts';
import type { Amr } from '../session/issue.ts';
import { FLOW_TTL_MS, type FlowOrigin, type FlowPurpose } from './purposes.ts';

/** A flow before it is written: the token for its holder, the row for us. */
export interface FlowDraft {
  /** For the caller, once; only its digest is stored. */
  readonly token: string;
  /** For the mail, where the purpose awaits one; only its keyed digest is stored. */
  readonly code: string | null;
  readonly expiresAt: Date;
  readonly row: FlowRow;
}

/** A mailed code, as the row of the flow that awaits it holds it. */
export interface StoredCode {
  readonly digest: Buffer;
  readonly kid: string;
  /** The token's digest of the flow that it was drawn for, which `digest` is bound to. */
  readonly flow: Buffer;
}

export interface FlowRow {
  readonly tokenDigest: Buffer;
  readonly purpose: FlowPurpose;
  readonly origin: FlowOrigin | null;
  /** Null for a decoy: an unknown or taken address, whose flow no code will ever open. */
  readonly userId: string | null;
  readonly securityVersion: number | null;
  readonly address: string | null;
  readonly code: StoredCode | null;
  /** How many were taken. */
  readonly tries: number;
  readonly amr: readonly Amr[];
  readonly deviceName: string | null;
  /** When its code was drawn, where it awaits one that was kept. */
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export interface FlowStart {
  readonly purpose: FlowPurpose;
  readonly origin?: FlowOrigin | null;
  readonly user: { readonly id: string; readonly securityVersion: number } | null;
  /** Where a code is mailed to; null for flows that await no mail. */
  readonly address?: string | null;
  /** What has been proved, for the session that the flow may end in. */
  readonly amr?: readonly Amr[];
  readonly deviceName?: string | null;
  /** A code that is out already and goes on, with the tries and the time it has left: no other is mailed. */
  readonly kept?: Pick<FlowRow, 'code' | 'tries' | 'createdAt'> | undefined;
}

/** The columns that every new flow is written with; `flowValues` has their order. */
export const FLOW_COLUMNS = `token_digest, purpose, origin, user_id, security_version, address,
  code_digest, code_kid, code_flow, tries, amr, device_name, created_at, expires_at`;

const INSERT = statement(
  'flows.insert',
  `INSERT INTO flows (${FLOW_COLUMNS})
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
);

export type FlowDrafts = ReturnType<typeof createFlowDrafts>;

/** Draws new flows. A decoy is drawn exactly like a real one. */
export function createFlowDrafts({ clock, keys }: { clock: Clock; keys: Keys }) {
  async function draft(start: FlowStart): Promise<FlowDraft> {
    const now = clock.now();
    const { token, digest: tokenDigest } = createOpaqueToken('ft_');
    const address = start.address ?? null;
    const code = address === null ? null : createMailCode();
    const { secret, kid } = (await keys.ring()).code.active;
    const digest = code === null ? null : digestMailCode(secret, tokenDigest, code);
    const expiresAt = new Date(now.getTime() + FLOW_TTL_MS[start.purpose]);
    return {
      token,
      code,
      expiresAt,
      row: {
        tokenDigest,
        purpose: start.purpose,
        origin: start.origin ?? null,
        userId: start.user?.id ?? null,
        securityVersion: start.user?.securityVersion ?? null,
        address,
        code: digest && { digest, kid, flow: tokenDigest },
        tries: 0,
        amr: start.amr ?? [],
        deviceName: start.deviceName ?? null,
        createdAt: now,
        expiresAt,
        ...start.kept,
      },
    };
  }

  return {
    draft,
    async insert(on: Queryable, { row }: FlowDraft): Promise<void> {
      await on.execute(INSERT, flowValues(row));
    },
  };
}

/** A row's values, in the order of `FLOW_COLUMNS`. */
export function flowValues(row: FlowRow): unknown[] {
  return [
    row.tokenDigest,
    row.purpose,
    row.origin,
    row.userId,
    row.securityVersion,
    row.address,
    row.code?.digest ?? null,
    row.code?.kid ?? null,
    row.code?.flow ?? null,
    row.tries,
    row.amr,
    row.deviceName,
    row.createdAt,
    row.expiresAt,
  ];
}
