import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { toHtml } from '../../../src/bench/report/html.ts';
import { toJson } from '../../../src/bench/report/json.ts';
import { formatNumber, formatQuantity } from '../../../src/bench/report/number.ts';
import { drawPlot } from '../../../src/bench/report/plot.ts';
import { toText } from '../../../src/bench/report/text.ts';
import { linearTicks, logTicks } from '../../../src/bench/report/ticks.ts';
import type { Chart } from '../../../src/bench/result.ts';
import { sampleResult } from './sample-result.ts';

const VOID = new Set(['meta', 'br', 'link', 'img']);

/** Every element is closed, in order; attributes are quoted. Throws where that is not so. */
function checkNesting(html: string): void {
  const body = html.replace(/^<!doctype html>/, '').replace(/<style>.*?<\/style>/s, '');
  const open: string[] = [];
  for (const [, closing, name, rest] of body.matchAll(/<(\/?)([a-z0-9]+)((?:\s[^<>]*)?)>/gi)) {
    if (closing) expect(open.pop()).toBe(name);
    else if (!VOID.has(name!) && !rest!.endsWith('/')) open.push(name!);
  }
  expect(open).toEqual([]);
  expect(
    body.replaceAll(/<\/?[a-z0-9]+(?:\s+[a-z0-9:-]+(?:="[^"<]*")?)*\s*\/?>/gi, ''),
  ).not.toMatch(/[<>]/);
}

describe('HTML report', () => {
  it('is well formed', () => {
    checkNesting(toHtml([sampleResult(), sampleResult({ name: 'login' })]));
  });

  it('needs nothing from anywhere: no script, no reference, no address', () => {
    const html = toHtml([sampleResult()]);
    expect(html).not.toMatch(
      /https?:|\/\/[a-z]|<script|<link|<img|<iframe|@import|url\(|\ssrc=|\shref=/i,
    );
    expect(html).toContain("default-src 'none'");
  });

  it('escapes what it is given', () => {
    const html = toHtml([sampleResult({ notes: ['<script>alert(1)</script>'] })]);
    expect(html).toContain('Registration &lt;burst&gt;');
    expect(html).not.toContain('<script');
  });

  it('shows the limit, the ratio, the bar, what was off and the machine', () => {
    const html = toHtml([sampleResult()]);
    for (const text of [
      '12,300/s',
      '14,600/s',
      'same stack, no database',
      '0.84',
      '≥ 0.8 of the static answer',
      'rate limits (AUTHCTL_LIMITS=off)',
      'fsync=on',
      'AUTHCTL_LIMITS=off, AUTHCTL_HASH_MODE=deferred',
      '246,000 inserted',
      '123 MB, 1,000,000 records, 321 full pages',
      '3 runs, 12,100 to 12,550',
      'below a bar',
    ])
      expect(html).toContain(text);
  });

  it('calls a throughput a throughput and a latency a latency', () => {
    const html = toHtml([sampleResult()]);
    expect(html).toContain('Registrations accepted<small>throughput</small>');
    expect(html).toContain('p95 while doing so<small>latency</small>');
  });

  it('draws a line for every series, and survives a run without a single answer', () => {
    const chart: Chart = {
      title: 'Nothing',
      xLabel: 'x',
      yLabel: 'y',
      x: 'linear',
      y: 'log',
      series: [
        { label: 'empty', points: [] },
        { label: 'zero', points: [[0, 0]] },
      ],
    };
    const svg = drawPlot(chart);
    checkNesting(svg);
    expect(svg.match(/class="series/g)).toHaveLength(2);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    checkNesting(toHtml([sampleResult({ runs: [], charts: [], notes: [], switchedOff: [] })]));
  });
});

describe('JSON report', () => {
  it('is the result and whether every bar was reached, in snake_case like every JSON of ours', () => {
    const result = sampleResult({ options: { memoryKib: 19_456 } });
    const [run] = result.runs;
    const cpu = { 'load generator': 0.31, PostgreSQL: 0.58, API: 0.97 };
    const text = toJson({ ...result, runs: [{ ...run!, cpu }] });
    const report = JSON.parse(text);
    expect(report).toMatchObject({
      passed: false,
      started_at: result.startedAt,
      switched_off: result.switchedOff,
      figures: structuredClone(result.figures),
      options: { memory_kib: 19_456 },
      runs: [
        {
          measured_seconds: 20,
          statuses: { 201: 292_000 },
          cpu: { load_generator: 0.31, postgresql: 0.58, api: 0.97 },
        },
      ],
    });
    expect(text).not.toMatch(/"[^"]*[A-Z ][^"]*":/);
  });
});

describe('text report', () => {
  const plain = new PassThrough() as unknown as NodeJS.WriteStream;

  it('prints each figure with its limit and bar, and what was switched off', () => {
    const text = toText(sampleResult(), plain);
    expect(text).toMatch(
      /Registrations accepted +throughput +12,300\/s ±2% +0\.84 of 14,600\/s +✓ ≥ 0\.8 of the static answer/,
    );
    expect(text).toMatch(/p95 while doing so +latency +81\.3 ms +✗ ≤ 75 ms/);
    expect(text).toContain('switched off  rate limits (AUTHCTL_LIMITS=off); the worker');
    expect(text).toContain('settings      AUTHCTL_LIMITS=off, AUTHCTL_HASH_MODE=deferred');
    expect(text).toContain('meanwhile     1,234 commits, 2 rollbacks, 0 deadlocks; rows: 246,000');
    expect(text).toContain('Below the bar');
  });

  it('says so when nothing was switched off', () => {
    expect(toText(sampleResult({ switchedOff: [] }), plain)).toContain('switched off  nothing');
  });
});

describe('numbers', () => {
  it('keep three digits that matter', () => {
    expect([0, 0.123, 4.2, 42.42, 421.4, 1_234.5, 12_345_678].map(formatNumber)).toEqual([
      '0',
      '0.12',
      '4.20',
      '42.4',
      '421',
      '1,235',
      '12,345,678',
    ]);
    expect(formatQuantity(1_500, '/s')).toBe('1,500/s');
    expect(formatQuantity(2.5, 'ms')).toBe('2.50 ms');
  });

  it('on an axis are round and cover the data', () => {
    expect(linearTicks(14_700, 5)).toEqual([0, 5_000, 10_000, 15_000]);
    expect(linearTicks(0, 5)).toEqual([0, 1]);
    expect(logTicks(0.4, 130)).toEqual([0.1, 1, 10, 100, 1_000]);
    expect(logTicks(1, 1)).toEqual([1, 10]);
  });
});
