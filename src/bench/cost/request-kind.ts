import { readFile } from 'node:fs/promises';
import type { ScenarioPlan } from '../load/plan.ts';

/** A request whose cost is measured. */
export interface RequestKind {
  /** The start of its figures' ids. */
  readonly id: string;
  readonly label: string;
  /** A load of so many requests; what can be used once is in no two of them. */
  plan(count: number): ScenarioPlan | Promise<ScenarioPlan>;
}

/** A body that was sent and accepted, and a string of its answer. */
export interface Answered {
  readonly body: string;
  readonly kept: string;
}

/** A POST of what can be used once. */
export interface SingleUse extends RequestKind {
  accepted(): Promise<Answered[]>;
}

interface SingleUseSpec {
  readonly id: string;
  readonly label: string;
  readonly path: string;
  readonly bodies: readonly string[];
  /** A string of the answer that the next request needs. */
  readonly kept: string;
  /** Where the answers' strings are put down. */
  readonly folder: string;
}

/** Makes a kind of request that uses each of its bodies up. */
export function singleUse({ id, label, path, bodies, kept, folder }: SingleUseSpec): SingleUse {
  const taken: { bodies: readonly string[]; journal: string }[] = [];
  let next = 0;
  return {
    id,
    label,
    plan(count) {
      const some = bodies.slice(next, next + count);
      const journal = `${folder}/${id}-${taken.length}`;
      next += count;
      taken.push({ bodies: some, journal });
      return { kind: 'posts', path, bodies: some, kept: { field: kept, journal } };
    },
    async accepted() {
      const loads = await Promise.all(taken.map((load) => readAnswers(load.journal, load.bodies)));
      return loads.flat();
    },
  };
}

/** The lines of a journal: the number of a body, and the string that was kept of its answer. */
async function readAnswers(journal: string, bodies: readonly string[]): Promise<Answered[]> {
  const lines = (await readFile(journal, 'utf8')).split('\n');
  return lines.flatMap((line) => {
    const [, number, kept] = /^(\d+) (.*)$/.exec(line) ?? [];
    const body = bodies[Number(number)];
    return body === undefined || kept === undefined ? [] : [{ body, kept }];
  });
}
