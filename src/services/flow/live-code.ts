import { type Queryable, statement } from '../../db/database.ts';
import type { Code } from '../mail/kinds.ts';
import type { FlowDraft } from './draft.ts';
import { FLOW_TRIES, FLOW_TTL_MS } from './purposes.ts';

const FIND_LIVE = statement(
  'flows.find_live',
  `SELECT FROM flows AS f JOIN users AS u
     ON u.id = f.user_id AND u.security_version = f.security_version
   WHERE f.token_digest = $1 AND f.tries < ${FLOW_TRIES}`,
);

/** What a mail says of the code that a flow awaits, and which flow that is. */
export function codeOf({ code, row }: FlowDraft): Code {
  const flow = row.tokenDigest.toString('base64url');
  return { code: code!, expiresInMinutes: FLOW_TTL_MS[row.purpose] / 60_000, flow };
}

/**
 * Whether a flow still awaits its mailed code. It does not once another code was asked for, the code
 * was used or guessed at too often, or the account has changed or gone meanwhile. Its time is not looked at.
 */
export async function awaitsCode(on: Queryable, flow: string): Promise<boolean> {
  return (await on.query(FIND_LIVE, [Buffer.from(flow, 'base64url')])).length === 1;
}
