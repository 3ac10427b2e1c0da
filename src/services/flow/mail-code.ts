import { type Queryable, statement } from '../../db/database.ts';
import type { MailDraft, MailQueue } from '../mail/draft.ts';
import type { FlowDraft, FlowDrafts, FlowStart } from './draft.ts';
import { FLOW_TTL_MS } from './purposes.ts';

export type CodeMailKind = 'verify_email' | 'reset_password' | 'change_email';

export interface CodeFlow extends FlowStart {
  readonly address: string;
  readonly mailKind: CodeMailKind;
  /** False for a decoy, or when the mailbox's budget is used up. */
  readonly isMailed: boolean;
}

// Both rows in one statement, the mail or not: a decoy costs one round trip like everybody else.
const INSERT = statement(
  'flows.insert_with_mail',
  `WITH mail AS (
     INSERT INTO mails (id, kind, user_id, recipient, sealed, data_kid, message_id,
                        next_attempt_at, created_at)
     SELECT $12, $13, $14, $15, $16, $17, $18, $19, $19 WHERE $20::boolean
   )
   INSERT INTO flows (token_digest, purpose, origin, user_id, security_version, address, code_digest,
                      code_kid, device_name, created_at, expires_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
);

export type CodeFlows = ReturnType<typeof createCodeFlows>;

/** Flows that await a mailed code. Whether a mail goes shows neither in the answer nor in the work. */
export function createCodeFlows({ flows, mails }: { flows: FlowDrafts; mails: MailQueue }) {
  return {
    /** Draws the flow and its mail, to be written by `insert`. */
    async draft(start: CodeFlow): Promise<{ flow: FlowDraft; mail: MailDraft; isMailed: boolean }> {
      const flow = await flows.draft(start);
      const mail = await mails.draft({
        kind: start.mailKind,
        userId: start.user?.id ?? null,
        recipient: start.address,
        data: { code: flow.code!, expiresInMinutes: FLOW_TTL_MS[start.purpose] / 60_000 },
      });
      return { flow, mail, isMailed: start.isMailed };
    },

    async insert(
      on: Queryable,
      { flow: { row }, mail, isMailed }: Awaited<ReturnType<typeof this.draft>>,
    ): Promise<void> {
      await on.execute(INSERT, [
        row.tokenDigest,
        row.purpose,
        row.origin,
        row.userId,
        row.securityVersion,
        row.address,
        row.codeDigest,
        row.codeKid,
        row.deviceName,
        row.createdAt,
        row.expiresAt,
        mail.id,
        mail.kind,
        mail.userId,
        mail.recipient,
        mail.sealed,
        mail.dataKid,
        mail.messageId,
        mail.createdAt,
        isMailed,
      ]);
    },
  };
}
