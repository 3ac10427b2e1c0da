import type { Db } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Actor } from '../audit/actor.ts';
import type { KeyKind } from './kinds.ts';
import { type KeyView, listKeys } from './list.ts';
import type { MasterKey } from './master-key.ts';
import {
  type RetireResult,
  type RotateResult,
  retireKey,
  rotateSecret,
  rotateSigning,
} from './rotate.ts';

export interface KeyAdminDeps {
  readonly db: Db;
  readonly clock: Clock;
  loadMasters(): Promise<readonly MasterKey[]>;
}

export type KeyAdmin = ReturnType<typeof createKeyAdmin>;

/** What operators do with keys over HTTP. A new master key needs files on every node: not from here. */
export function createKeyAdmin({ db, clock, loadMasters }: KeyAdminDeps) {
  return {
    list: (): Promise<KeyView[]> => listKeys(db, clock.now()),

    /** @throws AppError `conflict` */
    rotate(
      actor: Actor,
      { kind, graceMs, dryRun }: { kind: KeyKind; graceMs: number; dryRun: boolean },
    ): Promise<RotateResult> {
      const deps = { db, clock, actor, loadMasters };
      return kind === 'signing'
        ? rotateSigning(deps, { graceMs, dryRun })
        : rotateSecret(deps, { kind, dryRun });
    },

    /** @throws AppError `not_found`, `conflict` */
    retire: (actor: Actor, kid: string, { dryRun }: { dryRun: boolean }): Promise<RetireResult> =>
      retireKey({ db, clock, actor }, kid, { dryRun }),
  };
}
