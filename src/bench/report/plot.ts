import { escapeHtml } from '../../lib/html.ts';
import type { Chart, ChartSeries } from '../result.ts';
import { formatNumber } from './number.ts';
import { linearTicks, logTicks } from './ticks.ts';

const WIDTH = 540;
const HEIGHT = 250;
const MARGIN = { top: 32, right: 16, bottom: 40, left: 58 };
const PLOT_RIGHT = WIDTH - MARGIN.right;
const PLOT_BOTTOM = HEIGHT - MARGIN.bottom;
const Y_TICKS = 5;
const X_TICKS = 8;
/** More points than this are drawn as a line alone. */
const MAX_DOTS = 40;

interface Axis {
  readonly ticks: readonly number[];
  position(value: number): number;
  label(value: number): string;
}

/**
 * Draws a line chart as inline SVG. Colours are CSS variables of the page, so that it follows the
 * reader's light or dark scheme; every series also has its own dash, for readers who see no colours.
 */
export function drawPlot(chart: Chart): string {
  const points = chart.series.flatMap((series) => series.points);
  const x = xAxis(chart, points);
  const y = yAxis(chart, points);
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(chart.title)}">`,
    ...y.ticks.map((tick) => gridLine(y, tick)),
    ...x.ticks.map((tick) => xLabel(x, tick)),
    `<line class="axis" x1="${MARGIN.left}" y1="${PLOT_BOTTOM}" x2="${PLOT_RIGHT}" y2="${PLOT_BOTTOM}"/>`,
    `<text class="label" x="${(MARGIN.left + PLOT_RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escapeHtml(chart.xLabel)}</text>`,
    `<text class="label" x="0" y="12">${escapeHtml(chart.yLabel)}</text>`,
    ...chart.series.map((series, index) => drawSeries(series, index, x, y)),
    '</svg>',
  ].join('');
}

/** What the lines are, in the order and dress in which `drawPlot` draws them. */
export function drawLegend(series: readonly ChartSeries[]): string {
  const items = series.map(
    ({ label }, index) =>
      `<li><svg viewBox="0 0 28 8" aria-hidden="true"><path class="series s${index % 6}" d="M0 4H28"/></svg>${escapeHtml(label)}</li>`,
  );
  return `<ul class="legend">${items.join('')}</ul>`;
}

function xAxis(chart: Chart, points: ChartSeries['points']): Axis {
  const { categories } = chart;
  const span = PLOT_RIGHT - MARGIN.left;
  if (categories) {
    const step = span / categories.length;
    return {
      ticks: categories.map((_, index) => index),
      position: (value) => MARGIN.left + step * (value + 0.5),
      label: (value) => categories[value] ?? '',
    };
  }
  const max = Math.max(1, ...points.map(([value]) => value));
  const ticks = linearTicks(max, X_TICKS).filter((tick) => tick <= max);
  return {
    ticks,
    position: (value) => MARGIN.left + (span * value) / max,
    label: formatNumber,
  };
}

function yAxis(chart: Chart, points: ChartSeries['points']): Axis {
  const values = points.map(([, value]) => value);
  const span = PLOT_BOTTOM - MARGIN.top;
  const top = Math.max(0, ...values);
  if (chart.y === 'linear') {
    const ticks = linearTicks(top, Y_TICKS);
    const max = ticks.at(-1)!;
    return { ticks, position: (value) => PLOT_BOTTOM - (span * value) / max, label: formatNumber };
  }
  const positive = values.filter((value) => value > 0);
  const ticks = positive.length === 0 ? [1, 10] : logTicks(Math.min(...positive), top);
  const [min, max] = [ticks[0]!, ticks.at(-1)!];
  const share = (value: number) => Math.log(Math.max(value, min) / min) / Math.log(max / min);
  return { ticks, position: (value) => PLOT_BOTTOM - span * share(value), label: formatTick };
}

/** Powers of ten below one need their digits. */
function formatTick(value: number): string {
  return value < 1 ? String(Number(value.toPrecision(1))) : formatNumber(value);
}

function gridLine(y: Axis, tick: number): string {
  const at = round(y.position(tick));
  return `<line class="grid" x1="${MARGIN.left}" y1="${at}" x2="${PLOT_RIGHT}" y2="${at}"/><text class="tick" x="${MARGIN.left - 8}" y="${at + 4}" text-anchor="end">${y.label(tick)}</text>`;
}

function xLabel(x: Axis, tick: number): string {
  return `<text class="tick" x="${round(x.position(tick))}" y="${PLOT_BOTTOM + 17}" text-anchor="middle">${escapeHtml(x.label(tick))}</text>`;
}

function drawSeries({ label, points }: ChartSeries, index: number, x: Axis, y: Axis): string {
  const at = points.map(([px, py]) => [round(x.position(px)), round(y.position(py))] as const);
  const path = at.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${px} ${py}`).join('');
  const dots = points.length > MAX_DOTS ? [] : at;
  const circles = dots.map(([px, py], i) => {
    const [, value] = points[i]!;
    return `<circle class="dot s${index % 6}" cx="${px}" cy="${py}" r="3"><title>${escapeHtml(label)}: ${formatNumber(value)}</title></circle>`;
  });
  return `<path class="series s${index % 6}" d="${path}"/>${circles.join('')}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
