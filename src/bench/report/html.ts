import { counted } from '../../lib/counted.ts';
import { escapeHtml } from '../../lib/html.ts';
import {
  allPassed,
  type BenchResult,
  type Chart,
  type Figure,
  type RunSummary,
} from '../result.ts';
import { describeMachine, describeOptions } from './facts.ts';
import { formatNumber, formatQuantity } from './number.ts';
import { drawLegend, drawPlot } from './plot.ts';
import { STYLE } from './style.ts';

/**
 * Writes results as one HTML file that needs nothing else: no script, no font, no request to
 * anywhere, so that it can be attached to a ticket and opened from a disk.
 */
export function toHtml(results: readonly BenchResult[]): string {
  const title =
    results.length === 1 ? `authctl bench: ${results[0]!.title}` : 'authctl bench: all results';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${results.map(section).join('\n')}
</main>
</body>
</html>
`;
}

function section(result: BenchResult): string {
  const passed = allPassed(result);
  const hasBars = result.figures.some(({ bar }) => bar);
  const verdict = passed ? 'every bar reached' : 'below a bar';
  return `<article>
<header>
<p class="eyebrow">authctl ${escapeHtml(result.version)} · bench ${escapeHtml(result.name)} · ${escapeHtml(readableTime(result.startedAt))}</p>
<h1>${escapeHtml(result.title)}${hasBars ? ` <span class="verdict ${passed ? 'good' : 'bad'}">${verdict}</span>` : ''}</h1>
<p class="method">${escapeHtml(result.method)}</p>
</header>
${figuresTable(result.figures)}
<div class="facts">
${factsList('Switched off', result.switchedOff, 'Nothing: every protection was on.')}
${definitions(result)}
</div>
<div class="charts">${result.charts.map(chartFigure).join('\n')}</div>
${runsTable(result.runs)}
${factsList('Notes', result.notes, '')}
</article>`;
}

function figuresTable(figures: readonly Figure[]): string {
  const head = ['Figure', 'Measured', 'Limit in the same run', 'Ratio', 'Bar'];
  return `<div class="scroll"><table class="figures">
<thead><tr>${head.map((name) => `<th scope="col">${name}</th>`).join('')}</tr></thead>
<tbody>${figures.map(figureRow).join('\n')}</tbody>
</table></div>`;
}

function figureRow({ label, measure, value, unit, repeats, limit, ratio, bar }: Figure): string {
  const runs = repeats && repeats.values.length > 1 ? repeats : undefined;
  const spread = runs
    ? `<small>${runs.values.length} runs, ${formatNumber(runs.min)} to ${formatNumber(runs.max)}</small>`
    : '';
  const limitCell = limit
    ? `${formatQuantity(limit.value, limit.unit)}<small>${escapeHtml(limit.label)}</small>`
    : '';
  const barCell = bar
    ? `<span class="${bar.passed ? 'good' : 'bad'}">${bar.passed ? '✓' : '✗'}</span> ${escapeHtml(bar.text)}`
    : '';
  return `<tr><th scope="row">${escapeHtml(label)}<small>${measure}</small></th><td class="value">${formatQuantity(value, unit)}${spread}</td><td>${limitCell}</td><td>${ratio === undefined ? '' : ratio.toFixed(2)}</td><td>${barCell}</td></tr>`;
}

function definitions(result: BenchResult): string {
  const pairs = [
    ...describeMachine(result.machine),
    ['options', describeOptions(result.options)] as const,
  ];
  const items = pairs.map(([name, text]) => `<dt>${name}</dt><dd>${escapeHtml(text)}</dd>`);
  return `<section><h2>Measured on</h2><dl>${items.join('')}</dl></section>`;
}

function factsList(title: string, items: readonly string[], empty: string): string {
  if (items.length === 0 && empty === '') return '';
  const body =
    items.length === 0
      ? `<p>${escapeHtml(empty)}</p>`
      : `<ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join('')}</ul>`;
  return `<section><h2>${title}</h2>${body}</section>`;
}

function chartFigure(chart: Chart): string {
  return `<figure><figcaption>${escapeHtml(chart.title)}</figcaption>${drawPlot(chart)}${drawLegend(chart.series)}</figure>`;
}

function runsTable(runs: readonly RunSummary[]): string {
  if (runs.length === 0) return '';
  const head = [
    'Run',
    'Accepted',
    'Other',
    'p50',
    'p95',
    'p99',
    'max',
    'Answers',
    'Errors',
    'Cores used',
  ];
  return `<section><h2>Every run</h2><div class="scroll"><table class="runs">
<thead><tr>${head.map((name) => `<th scope="col">${name}</th>`).join('')}</tr></thead>
<tbody>${runs.map(runRow).join('\n')}</tbody>
</table></div><p class="hint">Latency is that of accepted requests in milliseconds, from the moment a request was sent (open loop: was due) to the last byte of its answer.</p></section>`;
}

function runRow(run: RunSummary): string {
  const { accepted } = run;
  const errors = Object.entries(run.errors).filter(([, count]) => count > 0);
  const cells = [
    formatQuantity(run.acceptedThroughput, '/s'),
    formatQuantity(run.throughput - run.acceptedThroughput, '/s'),
    ...[accepted.p50, accepted.p95, accepted.p99, accepted.max].map(formatNumber),
    counts(Object.entries(run.statuses)),
    errors.length === 0 ? 'none' : counts(errors),
    Object.entries(run.cpu)
      .map(([name, cores]) => `${escapeHtml(name)} ${cores.toFixed(2)}`)
      .join('<br>'),
  ];
  const load = `${counted(run.connections, 'connection')}, ${run.mode}, ${formatNumber(run.measuredSeconds)} s`;
  return `<tr><th scope="row">${escapeHtml(run.label)}<small>${load}</small></th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

function counts(entries: readonly (readonly [string, number])[]): string {
  return entries
    .map(([name, count]) => `<b>${escapeHtml(name)}</b> ${formatNumber(count)}`)
    .join('<br>');
}

/** `2026-11-22 06:30 UTC` */
function readableTime(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}
