import type { Argon2Params } from '../../../crypto/argon2/engine.ts';
import { uuidv7 } from '../../../crypto/random.ts';
import type { Db } from '../../../db/database.ts';
import type { FieldError } from '../../../errors.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { TextLine } from '../../../lib/read-lines.ts';
import type { Actor } from '../../audit/actor.ts';
import { recordAudit } from '../../audit/record.ts';
import { phcOfNoPassword } from '../../credential/hash-to-phc.ts';
import type { Events } from '../../event/events.ts';
import type { Keys } from '../../key/keyring.ts';
import type { IdentityPolicy } from '../../registration/identity.ts';
import { findHolders, type Holders } from './find-holders.ts';
import { type ImportRow, insertUsers } from './insert-users.ts';
import { type ImportedUser, readUserLine } from './read-user-line.ts';
import { createRepeats } from './repeats.ts';

export interface ImportDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly events: Events;
  readonly identities: IdentityPolicy;
  /** The cost of the placeholder for users who come without a password hash. */
  readonly params: Argon2Params;
}

/** A line that was not imported, and why. */
export interface Rejection {
  readonly line: number;
  readonly text: string | null;
  readonly problems: readonly FieldError[];
}

export interface ImportOptions {
  readonly actor: Actor;
  /** Checks everything, conflicts included, and writes nothing. */
  readonly dryRun: boolean;
  /** Stops between two batches. */
  readonly signal: AbortSignal;
  onRejected(rejection: Rejection): void | Promise<void>;
  /** Called after each batch. */
  onProgress(bytesRead: number): void;
}

export interface ImportSummary {
  /** Names this import in the audit and in the rows it made. */
  readonly id: string;
  readonly lines: number;
  readonly imported: number;
  /** Lines whose account was there already, left as it was. */
  readonly existing: number;
  readonly rejected: number;
}

/** Users written by one statement. */
const BATCH_LINES = 500;

type Judged =
  | { readonly line: TextLine; readonly row: ImportRow }
  | { readonly line: TextLine; readonly problems: readonly FieldError[] };

/**
 * Imports users, a line each. A bad line is reported and spoils no other; what was imported stays, and
 * running it again changes nothing.
 */
export function createImportUsers(deps: ImportDeps) {
  const { db, clock, keys, events, identities, params } = deps;

  return async function importUsers(
    lines: AsyncIterable<TextLine>,
    options: ImportOptions,
  ): Promise<ImportSummary> {
    const id = uuidv7(clock.now().getTime());
    const summary = { id, lines: 0, imported: 0, existing: 0, rejected: 0 };
    const repeats = createRepeats();
    let batch: TextLine[] = [];

    async function flush(): Promise<void> {
      const entries = await Promise.all(batch.map(toEntry));
      const judged = entries.map((entry) => refuseRepeats(entry, repeats));
      const outcome = await settle(judged, id, options);
      summary.lines += batch.length;
      summary.imported += outcome.imported;
      summary.existing += outcome.existing;
      summary.rejected += outcome.rejections.length;
      for (const rejection of outcome.rejections) await options.onRejected(rejection);
      options.onProgress(batch.at(-1)?.endsAt ?? 0);
      batch = [];
    }

    for await (const line of lines) {
      if (options.signal.aborted) break;
      if (line.text?.trim() === '') continue;
      batch.push(line);
      if (batch.length === BATCH_LINES) await flush();
    }
    if (batch.length > 0) await flush();
    return summary;
  };

  async function toEntry(line: TextLine): Promise<Judged> {
    if (line.text === null) return { line, problems: [UNREADABLE] };
    const user = readUserLine(line.text, identities, clock.now());
    if (Array.isArray(user)) return { line, problems: user };
    return { line, row: await toRow(user) };
  }

  async function toRow(user: ImportedUser): Promise<ImportRow> {
    const { status, email, username } = user;
    const id = user.id ?? uuidv7(clock.now().getTime());
    const payload = { status, username, has_email: email !== null, imported: true };
    const event = events.enabled
      ? events.draft({ type: 'user.registered', userId: id, payload })
      : null;
    return { ...user, id, givenId: user.id, credential: await toCredential(user), event };
  }

  async function toCredential({ passwordHash }: ImportedUser): Promise<ImportRow['credential']> {
    if (passwordHash !== null) return { pepperKid: null, salt: null, phc: passwordHash };
    const { pepper } = await keys.ring();
    return { pepperKid: pepper.active.kid, salt: null, phc: phcOfNoPassword(params) };
  }

  /** Writes what is new among the rows of a batch and says what became of every line. */
  async function settle(judged: readonly Judged[], importId: string, options: ImportOptions) {
    const rows = judged.flatMap((entry) => ('row' in entry ? entry.row : []));
    const before = rows.length > 0 ? await findHolders(db, rows) : NO_HOLDERS;
    const fresh = rows.filter((row) => before.judge(row) === 'new');
    const written = options.dryRun ? new Set(fresh.map(({ id }) => id)) : await write(fresh);
    // Between look and write somebody may have registered one of them.
    const lost = fresh.filter(({ id }) => !written.has(id));
    const after = lost.length > 0 ? await findHolders(db, lost) : before;

    const rejections: Rejection[] = [];
    let existing = 0;
    for (const entry of judged) {
      const { number, text } = entry.line;
      if ('row' in entry && written.has(entry.row.id)) continue;
      const verdict = 'row' in entry ? judge(entry.row) : entry.problems;
      if (verdict === 'existing') existing += 1;
      else rejections.push({ line: number, text, problems: verdict });
    }
    return { imported: written.size, existing, rejections };

    function judge(row: ImportRow): 'existing' | readonly FieldError[] {
      const verdict = (lost.includes(row) ? after : before).judge(row);
      return verdict === 'new' ? [VANISHED] : verdict;
    }

    function write(users: readonly ImportRow[]): Promise<Set<string>> {
      if (users.length === 0) return Promise.resolve(new Set());
      const { actor } = options;
      return db.transaction(async (tx) => {
        const at = clock.now();
        const ids = await insertUsers(tx, users, { at, requestId: importId });
        const detail = { import: importId, users: ids.size };
        await recordAudit(tx, { at, action: 'users.imported', actor, detail });
        return ids;
      });
    }
  }
}

const UNREADABLE: FieldError = {
  pointer: '',
  code: 'unreadable',
  detail: 'The line is not UTF-8 or longer than 64 KiB.',
};
/** An account in the way was deleted again before it could be looked at. */
const VANISHED: FieldError = {
  pointer: '',
  code: 'conflict',
  detail: 'An account with these identifiers came and went; import the line again.',
};
const NO_HOLDERS: Holders = { judge: () => 'new' };

/** A second line with an identifier of an earlier one is a mistake in the file, not a second account. */
function refuseRepeats(entry: Judged, repeats: ReturnType<typeof createRepeats>): Judged {
  if (!('row' in entry)) return entry;
  const { line, row } = entry;
  const problems = repeats.check(line.number, row);
  return problems.length > 0 ? { line, problems } : entry;
}
