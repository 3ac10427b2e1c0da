/** A table of a backup, and what a restore does with it. */
export interface BackupTable {
  readonly name: string;
  /**
   * What was under way: a backup remembers sessions, codes and mails that have ended or left since, so
   * a restore brings them back only when asked to.
   */
  readonly isPassing: boolean;
}

const LASTING = [
  'instance',
  'keys',
  'domains',
  'operators',
  'users',
  'credentials',
  'password_history',
  'totps',
  'recovery_codes',
  'known_networks',
  'audit',
  'events',
];
const PASSING = ['sessions', 'flows', 'idempotency_keys', 'mails'];

/** Every table that a backup holds, those that others refer to first. */
export const BACKUP_TABLES: readonly BackupTable[] = [
  ...LASTING.map((name) => ({ name, isPassing: false })),
  ...PASSING.map((name) => ({ name, isPassing: true })),
];

/** Tables that mean nothing elsewhere or later: who is running, and what counts within minutes. */
export const LEFT_OUT: readonly string[] = ['nodes', 'limit_counters'];
