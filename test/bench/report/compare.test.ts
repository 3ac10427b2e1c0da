import { describe, expect, it } from 'vitest';
import { compareResults } from '../../../src/bench/report/compare.ts';
import { toJson } from '../../../src/bench/report/json.ts';
import type { BenchResult } from '../../../src/bench/result.ts';
import { figure } from '../../../src/bench/stats/figure.ts';
import { sampleResult } from './sample-result.ts';

function result(values: Record<string, number[]>, overrides: Partial<BenchResult> = {}): string {
  const figures = Object.entries(values).map(([id, repeats]) =>
    figure({ id, label: id, measure: 'throughput', unit: '/s', values: repeats }),
  );
  return toJson(sampleResult({ figures, ...overrides }));
}

describe('comparing two results', () => {
  it('gives the change of every figure that both have', () => {
    const differences = compareResults(
      result({ a: [100], gone: [1] }),
      result({ a: [150], new: [1] }),
    );
    expect(differences).toEqual([
      { id: 'a', label: 'a', before: '100/s', after: '150/s', change: 0.5, is_beyond_noise: true },
    ]);
  });

  it('calls a change noise that is smaller than the spread of the runs', () => {
    const [difference] = compareResults(result({ a: [90, 100, 110] }), result({ a: [105] }));
    expect(difference).toMatchObject({ change: 0.05, is_beyond_noise: false });
  });

  it('has no change to tell from nothing', () => {
    const [difference] = compareResults(result({ a: [0] }), result({ a: [5] }));
    expect(difference).toMatchObject({ change: null, is_beyond_noise: false });
  });

  it.each([
    ['not JSON', '{'],
    ['something else', '{"name": "x"}'],
    ['figures that are none', '{"name": "registration", "figures": [1]}'],
    ['another benchmark', result({ a: [1] }, { name: 'login' })],
  ])('refuses %s', (_, text) => {
    const before = result({ a: [1] });
    expect(() => compareResults(before, text)).toThrow(
      expect.objectContaining({ code: 'usage' }) as Error,
    );
  });
});
