import { AppError } from '../../../errors.ts';
import { openJournal } from '../journal.ts';
import type { ScenarioPlan } from '../plan.ts';
import { postRequest } from '../request.ts';
import type { Scenario } from '../scenario.ts';
import { field } from './refresh.ts';

type Plan = Extract<ScenarioPlan, { kind: 'posts' }>;

/** Sends each of the given bodies once, in their order. */
export function postsScenario({ path, bodies, kept }: Plan, authority: string): Scenario {
  if (bodies.length === 0)
    throw new AppError('usage', { text: `A load on ${path} needs at least one body.` });
  const journal = kept && openJournal(kept.journal);
  const sentBy: number[] = [];
  let turn = 0;
  return {
    wantsBody: journal !== undefined,
    next(connection) {
      if (turn === bodies.length) return null;
      sentBy[connection] = turn;
      return postRequest(authority, path, bodies[turn++]!);
    },
    onResponse(connection, _status, body) {
      const value = kept && field(body.toString('latin1'), kept.field);
      if (value) journal?.append(`${sentBy[connection]} ${value}`);
    },
    close: () => journal?.close(),
  };
}
