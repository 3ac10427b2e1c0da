import { type Queryable, statement } from '../../db/database.ts';
import type { Code } from '../mail/kinds.ts';
import type { FlowDraft } from './draft.ts';
import { FLOW_TRIES, FLOW_TTL_MS } from './purposes.ts';

const FIND_LIVE = statement(
  'flows.find_live',
  `SELECT FROM flows AS f JOIN users AS u
     ON u.id = f.user_id AND u.security_version = f.security_version
   WHERE f.user_id = $1 AND f.code_flow = $2 AND f.tries < ${FLOW_TRIES}`,
);

/** What a mail says of the code that a flow awaits, and which flow it was drawn for. */
export function codeOf({ code, row }: FlowDraft): Code {
  const flow = row.code!.flow.toString('base64url');
  return { code: code!, expiresInMinutes: FLOW_TTL_MS[row.purpose] / 60_000, flow };
}

/**
 * Whether a user's flow still awaits a mailed code. None does once another code took its place, it
 * was used or guessed at too often, or the account has changed or gone meanwhile. Its time is not looked at.
 * @param flow as `codeOf` names it
 */
export async function awaitsCode(on: Queryable, userId: string, flow: string): Promise<boolean> {
  return (await on.query(FIND_LIVE, [userId, Buffer.from(flow, 'base64url')])).length === 1;
}
