import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { singleUse } from '../../../src/bench/cost/request-kind.ts';
import type { ScenarioPlan } from '../../../src/bench/load/plan.ts';

type Posts = Extract<ScenarioPlan, { kind: 'posts' }>;

test('what can be used once is in one load only, and what was accepted is known', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kinds-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const kind = singleUse({
    id: 'forgot',
    label: 'Forgot password',
    path: '/v1/password/forgot',
    bodies: ['a', 'b', 'c', 'd', 'e'],
    kept: 'flow_token',
    folder,
  });
  const loads = [await kind.plan(2), await kind.plan(3)] as Posts[];
  expect(loads.map(({ bodies }) => bodies)).toEqual([
    ['a', 'b'],
    ['c', 'd', 'e'],
  ]);
  await writeFile(loads[0]!.kept!.journal, '0 ft_a\n1 ft_b\n');
  // The second of these was refused.
  await writeFile(loads[1]!.kept!.journal, '0 ft_c\n2 ft_e\n');
  expect(await kind.accepted()).toEqual([
    { body: 'a', kept: 'ft_a' },
    { body: 'b', kept: 'ft_b' },
    { body: 'c', kept: 'ft_c' },
    { body: 'e', kept: 'ft_e' },
  ]);
});
