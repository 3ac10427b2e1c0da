import { randomBytes } from '../../crypto/random.ts';
import { type Queryable, statement } from '../../db/database.ts';
import { MAIL_COLUMNS, type MailDraft, type MailQueue, mailValues } from '../mail/draft.ts';
import {
  FLOW_COLUMNS,
  type FlowDraft,
  type FlowDrafts,
  type FlowStart,
  flowValues,
} from './draft.ts';
import { codeOf } from './live-code.ts';

export type CodeMailKind = 'verify_email' | 'reset_password' | 'change_email';

/**
 * What becomes of a code's mail: it is sent; it is not (the mailbox has had enough, or gets another
 * mail instead); or, for an address that is nobody's, a row of its weight is written in its place.
 */
export type CodeMail = 'send' | 'none' | 'mimic';

export interface CodeFlow extends FlowStart {
  readonly address: string;
  readonly mailKind: CodeMailKind;
  readonly mail: CodeMail;
}

/** A flow and its mail, drawn and not yet written. */
export interface CodeFlowDraft {
  readonly flow: FlowDraft;
  readonly mailDraft: MailDraft;
  readonly mail: CodeMail;
}

// One statement whatever becomes of the mail, and about as much written: that an address is nobody's
// must not show in the time either. The weight is a second flow, which no token opens, and which goes
// when it expires like every other.
const INSERT = statement(
  'flows.insert_with_mail',
  `WITH mail AS (
     INSERT INTO mails (${MAIL_COLUMNS})
     SELECT $13, $14, $15, $16, $17, $18, $19, $20, $20 WHERE $21 = 'send'
   ), weight AS (
     INSERT INTO flows (token_digest, purpose, sealed, created_at, expires_at)
     SELECT $22, $2, $17, $11, $12 WHERE $21 = 'mimic'
   )
   INSERT INTO flows (${FLOW_COLUMNS})
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
);
const DIGEST_BYTES = 32;

export type CodeFlows = ReturnType<typeof createCodeFlows>;

/** Flows that await a mailed code. Whether a mail goes shows neither in the answer nor in the work. */
export function createCodeFlows({ flows, mails }: { flows: FlowDrafts; mails: MailQueue }) {
  return {
    /** Draws the flow and its mail, to be written by `insert`. */
    async draft(start: CodeFlow): Promise<CodeFlowDraft> {
      const flow = await flows.draft(start);
      const mailDraft = await mails.draft({
        kind: start.mailKind,
        userId: start.user?.id ?? null,
        recipient: start.address,
        data: codeOf(flow),
      });
      return { flow, mailDraft, mail: start.mail };
    },

    async insert(on: Queryable, { flow, mailDraft, mail }: CodeFlowDraft): Promise<void> {
      const weight = randomBytes(DIGEST_BYTES);
      await on.execute(INSERT, [...flowValues(flow.row), ...mailValues(mailDraft), mail, weight]);
    },
  };
}

/** What becomes of the mail to an address that may be anybody's or nobody's. */
export function codeMailTo(userId: string | null, mayMail: boolean): CodeMail {
  if (!mayMail) return 'none';
  return userId === null ? 'mimic' : 'send';
}
