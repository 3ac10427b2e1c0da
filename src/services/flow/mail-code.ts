import { type Queryable, statement } from '../../db/database.ts';
import { MAIL_COLUMNS, type MailDraft, type MailQueue, mailValues } from '../mail/draft.ts';
import type { CodeMailKind } from '../mail/kinds.ts';
import {
  FLOW_COLUMNS,
  type FlowDraft,
  type FlowDrafts,
  type FlowStart,
  flowValues,
} from './draft.ts';
import { codeOf } from './live-code.ts';

export interface CodeFlow extends FlowStart {
  readonly address: string;
  readonly mailKind: CodeMailKind;
  /** Not once the mailbox has had enough, or gets another mail instead. */
  readonly mayMail: boolean;
}

/** A flow and its mail, drawn and not yet written. */
export interface CodeFlowDraft {
  readonly flow: FlowDraft;
  readonly mailDraft: MailDraft;
  readonly mayMail: boolean;
}

// A decoy's mail is written like any other, so that the time does not show that an address is nobody's;
// whoever delivers it finds that it has no user, and withdraws it.
const INSERT = statement(
  'flows.insert_with_mail',
  `WITH mail AS (
     INSERT INTO mails (${MAIL_COLUMNS})
     SELECT $15, $16, $17, $18, $19, $20, $21, $22, $23 WHERE $24
   )
   INSERT INTO flows (${FLOW_COLUMNS})
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
);

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
      return { flow, mailDraft, mayMail: start.mayMail };
    },

    async insert(on: Queryable, { flow, mailDraft, mayMail }: CodeFlowDraft): Promise<void> {
      await on.execute(INSERT, [...flowValues(flow.row), ...mailValues(mailDraft), mayMail]);
    },
  };
}
