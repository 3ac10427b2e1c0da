import { styleText } from 'node:util';
import { allPassed, type BenchResult, type Figure } from '../result.ts';
import { describeMachine, describeOptions } from './facts.ts';
import { formatQuantity } from './number.ts';

/**
 * Writes a result for a terminal.
 * @param stream decides on colour, as `NO_COLOR` and pipes ask
 */
export function toText(result: BenchResult, stream: NodeJS.WriteStream = process.stdout): string {
  const style = (format: Parameters<typeof styleText>[0], text: string) =>
    styleText(format, text, { stream });
  const lines = [
    style('bold', result.title),
    result.method,
    '',
    ...table(result.figures.map((figure) => row(figure, style))),
    '',
    `switched off  ${result.switchedOff.join('; ') || 'nothing'}`,
    `options       ${describeOptions(result.options)}`,
    ...describeMachine(result.machine).map(([name, value]) => `${name.padEnd(13)} ${value}`),
    ...result.notes.map((note) => `note          ${note}`),
  ];
  if (!allPassed(result)) lines.push('', style('red', 'Below the bar on this machine.'));
  return lines.join('\n');
}

type Style = (format: Parameters<typeof styleText>[0], text: string) => string;

function row(figure: Figure, style: Style): string[] {
  const { label, measure, value, unit, limit, ratio, bar, repeats } = figure;
  const spread =
    repeats && repeats.values.length > 1 ? ` ±${Math.round(repeats.spread * 50)}%` : '';
  const mark = bar && (bar.passed ? style('green', '✓') : style('red', '✗'));
  return [
    label,
    measure,
    formatQuantity(value, unit) + spread,
    limit ? `${ratio!.toFixed(2)} of ${formatQuantity(limit.value, limit.unit)}` : '',
    bar ? `${mark} ${bar.text}` : '',
  ];
}

function table(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => cells[column]!.length)),
  );
  // The last column may hold colour codes; nothing follows it that would have to line up.
  return rows.map((cells) =>
    cells
      .map((cell, column) => (column < 4 ? cell.padEnd(widths[column]!) : cell))
      .join('  ')
      .trimEnd(),
  );
}
