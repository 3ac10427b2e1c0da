import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Mostly waits: at the end it would keep everybody waiting. */
const SLOW = ['test/cli/bench-cost.test.ts'];

const isSlow = ({ moduleId }: TestSpecification) => SLOW.some((file) => moduleId.endsWith(file));

/** Vitest's own order, but for files that take longer than all others. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}
